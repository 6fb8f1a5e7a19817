import { utf8 } from '../base/bytes.ts';
import { sha256 } from '../crypto/hash.ts';

/** Words of a digest that are kept: with 128 bits, ids that nobody could count do not collide. */
const WORDS = 4;
/** Slots at the beginning; doubled as ids come. @tuning */
const SLOTS_MIN = 1_024;

/**
 * Which ids have come, by the first 128 bits of their SHA-256: 21 to 43 bytes an id, whatever its length, where a set of
 * text takes some three hundred. Open addressing; a slot of zeros is free.
 */
export class IdSet {
  #slots = new Uint32Array(SLOTS_MIN * WORDS);
  #count = 0;

  /** @returns false where it had come before. */
  add(id: string): boolean {
    const digest = sha256(utf8(id));
    const view = new DataView(digest.buffer, digest.byteOffset);
    const words = Uint32Array.from({ length: WORDS }, (_, i) => view.getUint32(4 * i));
    if (!place(this.#slots, words, 0)) return false;
    this.#count++;
    if (this.#count * WORDS > 0.75 * this.#slots.length) this.#grow();
    return true;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(2 * before.length);
    for (let at = 0; at < before.length; at += WORDS) if (!isFree(before, at)) place(this.#slots, before, at);
  }
}

/** Puts the words at `from[at …]` into their slot. @returns false where they are there already. */
function place(slots: Uint32Array, from: Uint32Array, at: number): boolean {
  const last = slots.length / WORDS - 1; // the number of slots is a power of two
  for (let slot = (from[at] as number) & last; ; slot = (slot + 1) & last) {
    const to = slot * WORDS;
    if (isFree(slots, to)) {
      for (let i = 0; i < WORDS; i++) slots[to + i] = from[at + i] as number;
      return true;
    }
    let same = 0;
    while (same < WORDS && slots[to + same] === from[at + same]) same++;
    if (same === WORDS) return false;
  }
}

function isFree(slots: Uint32Array, at: number): boolean {
  return slots[at] === 0 && slots[at + 1] === 0 && slots[at + 2] === 0 && slots[at + 3] === 0;
}
