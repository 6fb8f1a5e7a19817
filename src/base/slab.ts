import { type Bytes, EMPTY } from './bytes.ts';

/** Octets of one array of a {@link Slab}: whoever keeps one short string of it keeps all. @tuning */
const SLAB_BYTES = 8 * 1_024;

/**
 * Room for byte strings that live as long as one piece of work, many in one array: an array of its own costs more than to
 * fill it, from 65 octets on, or from 1 on where native code is handed it.
 */
export class Slab {
  #room: Bytes = EMPTY;
  #taken = 0;

  /** Octets that nobody else has, or ever will: zeros. */
  take(length: number): Bytes {
    if (length > SLAB_BYTES / 8) return new Uint8Array(length);
    if (this.#taken + length > this.#room.length) {
      this.#room = new Uint8Array(SLAB_BYTES);
      this.#taken = 0;
    }
    const start = this.#taken;
    this.#taken += length;
    return this.#room.subarray(start, this.#taken);
  }
}
