import { randomBytes, randomFillSync, randomInt } from 'node:crypto';
import type { Random } from '../../ports/random.ts';

/** Octets that are drawn at a time for those who want few: a draw costs as much as a hash, whatever its length. @tuning */
const DRAWN_BYTES = 1_024;
/** More than this is drawn by itself. @tuning */
const FEW_BYTES = 64;

/** Randomness that was drawn and not given out yet. */
class Stock {
  readonly #drawn = new Uint8Array(DRAWN_BYTES);
  #given = DRAWN_BYTES;

  take(length: number): Uint8Array {
    if (this.#given + length > DRAWN_BYTES) {
      randomFillSync(this.#drawn);
      this.#given = 0;
    }
    const end = this.#given + length;
    const taken = this.#drawn.slice(this.#given, end);
    this.#drawn.fill(0, this.#given, end); // it may become a secret, and nobody else has it
    this.#given = end;
    return taken;
  }
}

const stock = new Stock();

/** Randomness of the operating system. */
export const systemRandom: Random = Object.freeze({
  bytes: (length: number): Uint8Array =>
    length <= FEW_BYTES ? stock.take(length) : new Uint8Array(randomBytes(length)),
  below: (bound: number): number => randomInt(bound),
});
