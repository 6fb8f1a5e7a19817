import { type Bytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Longest text that is decoded: an extended key has 111 or 112 characters, and the work grows with the square. */
export const BASE58_CHARS_MAX = 256;

/** Base 58 with Bitcoin's alphabet: no 0, O, I or l. Each leading zero byte is a leading `1`. */
export function encodeBase58(bytes: Bytes): string {
  const digits: number[] = [];
  for (const byte of bytes) {
    let carry = byte;
    for (let i = 0; i < digits.length; i++) {
      carry += (digits[i] as number) * 256;
      digits[i] = carry % 58;
      carry = Math.floor(carry / 58);
    }
    for (; carry > 0; carry = Math.floor(carry / 58)) digits.push(carry % 58);
  }
  const zeros = leading(bytes, 0);
  return (
    '1'.repeat(zeros) +
    digits
      .reverse()
      .map((digit) => ALPHABET[digit])
      .join('')
  );
}

/** @throws ERR_KEY_ENCODING for another character, and for a text longer than {@link BASE58_CHARS_MAX}. */
export function decodeBase58(text: string): Bytes {
  if (text.length > BASE58_CHARS_MAX)
    throw new MeshError(
      'ERR_KEY_ENCODING',
      `base58 text of ${text.length} characters, expected ${BASE58_CHARS_MAX} at most`,
    );
  const bytes: number[] = [];
  const digits = Array.from(text, (character) => ALPHABET.indexOf(character));
  for (const [at, digit] of digits.entries()) {
    if (digit < 0) throw new MeshError('ERR_KEY_ENCODING', `character ${at + 1} is none of base58`);
    let carry = digit;
    for (let i = 0; i < bytes.length; i++) {
      carry += (bytes[i] as number) * 58;
      bytes[i] = carry & 0xff;
      carry >>= 8;
    }
    for (; carry > 0; carry >>= 8) bytes.push(carry & 0xff);
  }
  const zeros = leading(digits, 0);
  return Uint8Array.from([...new Array<number>(zeros).fill(0), ...bytes.reverse()]);
}

function leading(items: ArrayLike<number>, value: number): number {
  let count = 0;
  while (count < items.length && items[count] === value) count++;
  return count;
}
