import { createHmac } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';
import { secretsEqual } from '../hash.ts';
import { plainBytes } from '../plain-bytes.ts';

/** The digests that keyed functions are built on here. */
export type Digest = 'sha256' | 'sha384' | 'sha512';

/** Octets of each digest. */
export const DIGEST_BYTES: Readonly<Record<Digest, number>> = { sha256: 32, sha384: 48, sha512: 64 };

/** HMAC (RFC 2104), whole; a profile that cuts it says to how many octets. */
export function hmac(digest: Digest, key: Bytes, data: Bytes): Bytes {
  return plainBytes(createHmac(digest, key).update(data).digest());
}

/** Compares in constant time; a tag of another length than `tagBytes` is wrong, so that nobody cuts it to one octet. */
export function verifyHmac(digest: Digest, key: Bytes, data: Bytes, tag: Bytes, tagBytes: number): boolean {
  return tag.length === tagBytes && secretsEqual(hmac(digest, key, data).subarray(0, tagBytes), tag);
}
