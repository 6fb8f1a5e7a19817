import { SECOND_MS, type UnixMs } from '../../base/time.ts';

/** Expiry is noticed this late at most: one look a second for everything that ended in it. */
const SLOT_MS = SECOND_MS;

/** Which keys end when, in slots of a second. A key may be queued once. */
export class ExpiryQueue<K> {
  readonly #slots = new Map<number, Set<K>>();
  #earliest: number | undefined;

  add(key: K, expiresAt: UnixMs): void {
    const slot = Math.ceil(expiresAt / SLOT_MS);
    const keys = this.#slots.get(slot);
    if (keys === undefined) this.#slots.set(slot, new Set([key]));
    else keys.add(key);
    if (this.#earliest === undefined || slot < this.#earliest) this.#earliest = slot;
  }

  delete(key: K, expiresAt: UnixMs): void {
    const slot = Math.ceil(expiresAt / SLOT_MS);
    const keys = this.#slots.get(slot);
    if (keys?.delete(key) === true && keys.size === 0) this.#forget(slot);
  }

  /** When the first keys end. */
  get nextAt(): UnixMs | undefined {
    return this.#earliest === undefined ? undefined : ((this.#earliest * SLOT_MS) as UnixMs);
  }

  /** Takes out all keys that have ended. */
  takeExpired(wall: UnixMs): K[] {
    const ended: K[] = [];
    while (this.#earliest !== undefined && this.#earliest * SLOT_MS <= wall) {
      ended.push(...(this.#slots.get(this.#earliest) ?? []));
      this.#forget(this.#earliest);
    }
    return ended;
  }

  #forget(slot: number): void {
    this.#slots.delete(slot);
    if (slot !== this.#earliest) return;
    this.#earliest = undefined;
    for (const other of this.#slots.keys())
      if (this.#earliest === undefined || other < this.#earliest) this.#earliest = other;
  }
}
