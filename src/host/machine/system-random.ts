import { randomBytes, randomInt } from 'node:crypto';
import type { Random } from '../../ports/random.ts';

/** Randomness of the operating system. */
export const systemRandom: Random = Object.freeze({
  bytes: (length: number): Uint8Array => new Uint8Array(randomBytes(length)),
  below: (bound: number): number => randomInt(bound),
});
