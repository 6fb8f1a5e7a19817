import { type Bytes, utf8 } from '../base/bytes.ts';
import { sha256 } from '../crypto/hash.ts';
import type { Random } from '../ports/random.ts';

const UINT32 = 0x1_0000_0000;

/**
 * Chance that repeats: xoshiro128** (Blackman and Vigna), its state the first half of the SHA-256 of a label. Fast, and
 * good enough for choices; its bytes are no secrets.
 *
 * A world has one label, made of its seed; each part of it draws from a {@link fork}, so that one part that draws once
 * more does not shift what all others draw.
 */
export class SeededRandom implements Random {
  readonly #label: string;
  readonly #state = new Uint32Array(4);

  constructor(label: string) {
    this.#label = label;
    const seed = sha256(utf8(label));
    const view = new DataView(seed.buffer, seed.byteOffset);
    for (let i = 0; i < 4; i++) this.#state[i] = view.getUint32(4 * i);
  }

  /** Another sequence of this label and name, however much has been drawn here. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.#label}/${name}`);
  }

  /** A whole number in `[0, 2^32)`. */
  uint32(): number {
    const s = this.#state;
    const [s0, s1, s2, s3] = s as unknown as [number, number, number, number];
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    const mixed2 = s2 ^ s0;
    const mixed3 = s3 ^ s1;
    s[0] = s0 ^ mixed3;
    s[1] = s1 ^ mixed2;
    s[2] = mixed2 ^ (s1 << 9);
    s[3] = rotateLeft(mixed3, 11);
    return result;
  }

  /** @throws RangeError unless `bound` is a whole number from 1 to 2^32. */
  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > UINT32) throw new RangeError(`below: bound ${bound}`);
    const unbiasedMax = UINT32 - (UINT32 % bound);
    for (;;) {
      const value = this.uint32();
      if (value < unbiasedMax) return value % bound;
    }
  }

  /** A whole number in `[min, max]`. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** True in this share of all cases. */
  chance(ratio: number): boolean {
    return this.uint32() < ratio * UINT32;
  }

  bytes(length: number): Bytes {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.uint32() >>> 24;
    return out;
  }

  /** The items in random order; `items` stays as it is. */
  shuffled<T>(items: readonly T[]): T[] {
    const out = items.slice();
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j] as T, out[i] as T];
    }
    return out;
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
