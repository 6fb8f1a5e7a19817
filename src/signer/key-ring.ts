import { type Bytes, toHex } from '../base/bytes.ts';
import { sha256Concat } from '../crypto/hash.ts';

/** Keys in a ring: a batch names one with 16 bits; nobody has rotated through more than some dozens. */
export const RING_KEYS_MAX = 1_024;

/** Which key signs a batch: each in turn (seed 004: «Each key is used in round-robin manner»). */
export function keyIndexOf(batchId: number, keyIndexes: readonly number[]): number {
  return keyIndexes[batchId % keyIndexes.length] as number;
}

/** Every key of a ring of so many. */
export function allKeyIndexes(ringSize: number): readonly number[] {
  return Array.from({ length: ringSize }, (_, i) => i);
}

/** SHA-256 over the public keys in order, hex: two replicas that agree on it sign with the same keys in the same turn. */
export function ringFingerprint(publicKeys: readonly Bytes[]): string {
  return toHex(sha256Concat(...publicKeys));
}
