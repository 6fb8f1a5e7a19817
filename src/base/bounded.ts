/**
 * A map that never holds more than `max` entries: setting one more forgets the least recently set or used.
 * `get` counts as use; `has` and `peek` do not.
 */
export class BoundedMap<K, V> {
  readonly #map = new Map<K, V>();
  readonly #max: number;
  readonly #onForget: ((key: K, value: V) => void) | undefined;

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
    return this.#map.get(key);
  }

  get(key: K): V | undefined {
    const value = this.#map.get(key);
    if (value !== undefined) {
      this.#map.delete(key);
      this.#map.set(key, value);
    }
    return value;
  }

  set(key: K, value: V): void {
    this.#map.delete(key);
    this.#map.set(key, value);
    if (this.#map.size <= this.#max) return;
    const oldest = this.#map.entries().next();
    if (oldest.done === true) return;
    this.#map.delete(oldest.value[0]);
    this.#onForget?.(oldest.value[0], oldest.value[1]);
  }

  delete(key: K): boolean {
    return this.#map.delete(key);
  }

  clear(): void {
    this.#map.clear();
  }

  keys(): IterableIterator<K> {
    return this.#map.keys();
  }

  values(): IterableIterator<V> {
    return this.#map.values();
  }

  entries(): IterableIterator<[K, V]> {
    return this.#map.entries();
  }
}
