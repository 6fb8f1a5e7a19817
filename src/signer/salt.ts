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
