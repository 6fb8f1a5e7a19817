import { utf8 } from '../base/bytes.ts';
import { sha256 } from '../crypto/hash.ts';

/** Characters of an id that decide its batch (seed 004: «First 8 bytes of record id»). */
const SHARD_DIGITS = 8;

/**
 * What decides the batch of a record: the first eight characters of its id as a hexadecimal number, `[0, 2^32)`.
 *
 * Ids that do not begin with eight hexadecimal digits get the first four bytes of the SHA-256 of their UTF-8, so that
 * they spread as evenly (spec 13, section 2).
 */
export function shardHashOf(id: string): number {
  let value = 0;
  for (let i = 0; i < SHARD_DIGITS; i++) {
    const digit = hexDigit(id.charCodeAt(i));
    if (digit === undefined) return hashed(id);
    value = value * 16 + digit;
  }
  return value;
}

function hexDigit(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : undefined;
}

function hashed(id: string): number {
  const digest = sha256(utf8(id));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0);
}
