import type { Bytes } from '../base/bytes.ts';
import { SALT_BYTES } from '../ports/batch-signer.ts';

/**
 * Turns random bytes, 16 a salt, into UUIDs of version 4 (RFC 9562 section 5.4), in place.
 *
 * A salt has always 36 characters once written. Without a fixed length, salt "a" with message "bc" would hash like
 * salt "ab" with message "c" (T21).
 */
export function markSalts(random: Bytes): Bytes {
  for (let at = 0; at < random.length; at += SALT_BYTES) {
    random[at + 6] = ((random[at + 6] as number) & 0x0f) | 0x40;
    random[at + 8] = ((random[at + 8] as number) & 0x3f) | 0x80;
  }
  return random;
}

/** The 36 characters that are hashed before the message. */
export function saltText(salt: Bytes): string {
  const hex = salt.toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Characters of a written salt, one byte each. */
export const SALT_TEXT_BYTES = 36;

/** Writes the text of the salt at `salts[at …]` to the beginning of `out`, without making a string of it. */
export function writeSaltText(salts: Bytes, at: number, out: Bytes): void {
  let to = 0;
  for (let i = 0; i < SALT_BYTES; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) out[to++] = 0x2d;
    const byte = salts[at + i] as number;
    out[to++] = hexCode(byte >> 4);
    out[to++] = hexCode(byte & 15);
  }
}

function hexCode(digit: number): number {
  return digit < 10 ? 0x30 + digit : 0x57 + digit;
}
