import { type Bytes, concatBytes, utf8 } from '../../base/bytes.ts';
import { keccak256 } from '../../crypto/keccak.ts';

/** What is hashed. A hash of one kind is never one of another: the first eight bytes differ (S3.16). */
export const RIVER_HASH = { event: 'CSBLANCA', snapshot: 'SNAPSHOT', certificate: 'INTRCERT' } as const;

export type RiverHashKind = keyof typeof RIVER_HASH;

const SEPARATOR = utf8('ABCDEFG>');
const FOOTER = utf8('<GFEDCBA');

/** RiverHash: Keccak-256 of `header(8) ‖ length(8, LE) ‖ "ABCDEFG>" ‖ bytes ‖ "<GFEDCBA"`. 32 bytes. */
export function riverHash(bytes: Bytes, kind: RiverHashKind = 'event'): Bytes {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(bytes.length), true);
  return keccak256(concatBytes(utf8(RIVER_HASH[kind]), length, SEPARATOR, bytes, FOOTER));
}
