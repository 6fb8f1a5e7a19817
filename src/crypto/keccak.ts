import { hash } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';

/** Bytes of a digest. */
export const KECCAK256_BYTES = 32;

/** Keccak-256 as Ethereum uses it: the padding of the original submission, not that of SHA-3 (FIPS 202). */
export function keccak256(bytes: Bytes): Bytes {
  const digest = new Uint8Array(KECCAK256_BYTES);
  keccak256Into(digest, bytes);
  return digest;
}

/** As {@link keccak256}, for loops. By way of text, which Node.js makes in half the time that a buffer takes. */
export function keccak256Into(digest: Bytes, bytes: Bytes): void {
  digest.setFromHex(hash('keccak-256', bytes, 'hex'));
}
