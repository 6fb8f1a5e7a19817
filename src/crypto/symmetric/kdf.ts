import { hkdfSync, pbkdf2Sync } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';
import { type Digest, DIGEST_BYTES } from './mac.ts';

/** HKDF expands to at most this many times its digest (RFC 5869 section 2.3). */
export const HKDF_BLOCKS_MAX = 255;

/** Extract and expand (RFC 5869). @throws RangeError for more octets than the construction can give, or none. */
export function hkdf(digest: Digest, keyMaterial: Bytes, salt: Bytes, info: Bytes, lengthBytes: number): Bytes {
  if (!(lengthBytes > 0 && lengthBytes <= HKDF_BLOCKS_MAX * DIGEST_BYTES[digest]))
    throw new RangeError(`HKDF: expected 1 to ${HKDF_BLOCKS_MAX * DIGEST_BYTES[digest]} bytes`);
  return new Uint8Array(hkdfSync(digest, keyMaterial, salt, info, lengthBytes));
}

/** A key from a passphrase (RFC 8018 section 5.2), for formats that fix this function; our own boxes use scrypt. */
export function pbkdf2(digest: Digest, password: Bytes, salt: Bytes, iterations: number, lengthBytes: number): Bytes {
  return new Uint8Array(pbkdf2Sync(password, salt, iterations, lengthBytes, digest));
}
