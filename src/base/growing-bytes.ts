import { type Bytes, EMPTY } from './bytes.ts';

/** Bytes that come piece by piece: takes at most twice their length, however small the pieces are and whatever was promised. */
export class GrowingBytes {
  #buffer = EMPTY;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Bytes that this takes of memory. */
  get capacity(): number {
    return this.#buffer.length;
  }

  push(piece: Bytes): void {
    const needed = this.#length + piece.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#length));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(piece, this.#length);
    this.#length = needed;
  }

  /** All that has come; not a copy. */
  get bytes(): Bytes {
    return this.#buffer.subarray(0, this.#length);
  }
}
