interface Entry<K, V> {
  readonly key: K;
  value: V;
  older: Entry<K, V> | undefined;
  newer: Entry<K, V> | undefined;
}

/**
 * A map that never holds more than `max` entries: setting one more forgets the least recently set or used.
 * `get` counts as use; `has` and `peek` do not.
 *
 * Cost: one look-up each. Use moves links and nothing in the table below: to delete and to set again fills that with
 * holes, which a busy node then copies away all the time.
 */
export class BoundedMap<K, V> {
  readonly #map = new Map<K, Entry<K, V>>();
  readonly #max: number;
  readonly #onForget: ((key: K, value: V) => void) | undefined;
  #oldest: Entry<K, V> | undefined;
  #newest: Entry<K, V> | undefined;

  constructor(max: number, onForget?: (key: K, value: V) => void) {
    this.#max = max;
    this.#onForget = onForget;
  }

  get size(): number {
    return this.#map.size;
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  peek(key: K): V | undefined {
    return this.#map.get(key)?.value;
  }

  get(key: K): V | undefined {
    const entry = this.#map.get(key);
    if (entry === undefined) return undefined;
    this.#use(entry);
    return entry.value;
  }

  set(key: K, value: V): void {
    const known = this.#map.get(key);
    if (known !== undefined) {
      known.value = value;
      this.#use(known);
      return;
    }
    const entry: Entry<K, V> = { key, value, older: undefined, newer: undefined };
    this.#map.set(key, entry);
    this.#append(entry);
    const oldest = this.#oldest;
    if (this.#map.size <= this.#max || oldest === undefined) return;
    this.#remove(oldest);
    this.#onForget?.(oldest.key, oldest.value);
  }

  delete(key: K): boolean {
    const entry = this.#map.get(key);
    if (entry === undefined) return false;
    this.#remove(entry);
    return true;
  }

  clear(): void {
    this.#map.clear();
    this.#oldest = this.#newest = undefined;
  }

  /** Least recently set or used first. */
  *entries(): Generator<[K, V], undefined> {
    for (let entry = this.#oldest; entry !== undefined; entry = entry.newer) yield [entry.key, entry.value];
  }

  *keys(): Generator<K, undefined> {
    for (let entry = this.#oldest; entry !== undefined; entry = entry.newer) yield entry.key;
  }

  *values(): Generator<V, undefined> {
    for (let entry = this.#oldest; entry !== undefined; entry = entry.newer) yield entry.value;
  }

  #use(entry: Entry<K, V>): void {
    if (entry === this.#newest) return;
    this.#detach(entry);
    this.#append(entry);
  }

  #remove(entry: Entry<K, V>): void {
    this.#map.delete(entry.key);
    this.#detach(entry);
  }

  #append(entry: Entry<K, V>): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #detach(entry: Entry<K, V>): void {
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
  }
}
