import { hash } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';
import { plainBytes } from './plain-bytes.ts';

/** Keccak-256 as Ethereum uses it: the padding of the original submission, not that of SHA-3 (FIPS 202). */
export function keccak256(bytes: Bytes): Bytes {
  return plainBytes(hash('keccak-256', bytes, 'buffer'));
}
