import { wordlist } from '@scure/bip39/wordlists/english.js';
import { type Bytes, concatBytes, utf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { sha256 } from '../../crypto/hash.ts';
import { pbkdf2 } from '../../crypto/symmetric/kdf.ts';
import { Secret } from '../../crypto/secret.ts';

/** Lengths of a mnemonic (BIP-39, «Generating the mnemonic»). Three words stand for 4 bytes and one bit of checksum. */
export const MNEMONIC_WORDS = [12, 15, 18, 21, 24] as const;
export type MnemonicWords = (typeof MNEMONIC_WORDS)[number];

/** Characters that are looked at: 24 words of the longest 8 letters, with much white space. */
export const MNEMONIC_CHARS_MAX = 1_024;

const WORD_BITS = 11;
const ITERATIONS = 2_048;
const SEED_BYTES = 64;

/** The random bytes that a mnemonic of so many words stands for: 16 to 32. */
export function entropyBytesOf(words: MnemonicWords): number {
  return (words * 4) / 3;
}

/** The words of random bytes, in English: a secret. @param entropy 16, 20, 24, 28 or 32 bytes */
export function mnemonicOf(entropy: Bytes): string {
  const count = (entropy.length * 3) / 4;
  if (!isWordCount(count)) throw new RangeError('entropy: expected 16, 20, 24, 28 or 32 bytes');
  const bits = concatBytes(entropy, sha256(entropy).subarray(0, 1));
  const words = Array.from({ length: count }, (_, i) => wordlist[readBits(bits, i * WORD_BITS)] as string);
  bits.fill(0);
  return words.join(' ');
}

/** The random bytes of a mnemonic in English, in any case and white space. @throws ERR_KEY_MNEMONIC */
export function entropyOfMnemonic(text: string): Secret {
  const words = wordsOf(text);
  if (!isWordCount(words.length))
    throw new MeshError('ERR_KEY_MNEMONIC', `mnemonic of ${words.length} words, expected ${MNEMONIC_WORDS.join(', ')}`);
  const bits = new Uint8Array(entropyBytesOf(words.length) + 1);
  try {
    for (const [at, word] of words.entries()) {
      const index = wordlist.indexOf(word);
      // The word is not told: it may be one letter away from a secret.
      if (index < 0)
        throw new MeshError('ERR_KEY_MNEMONIC', `word ${at + 1} of the mnemonic is not in the English list`);
      writeBits(bits, at * WORD_BITS, index);
    }
    const entropy = bits.subarray(0, -1);
    const checksumMask = (0xff << (8 - words.length / 3)) & 0xff;
    if (((sha256(entropy)[0] as number) & checksumMask) !== bits.at(-1))
      throw new MeshError('ERR_KEY_MNEMONIC', 'mnemonic does not have its checksum: a word is wrong, or out of order');
    return new Secret(entropy);
  } finally {
    bits.fill(0);
  }
}

/**
 * The seed of a mnemonic (BIP-39, «From mnemonic to seed»), 64 bytes.
 *
 * @param passphrase any text; another one gives another seed, and no error.
 * @throws ERR_KEY_MNEMONIC
 */
export function seedOfMnemonic(text: string, passphrase = ''): Secret {
  entropyOfMnemonic(text)[Symbol.dispose]();
  const sentence = utf8(wordsOf(text).join(' '));
  const salt = utf8(`mnemonic${passphrase.normalize('NFKD')}`);
  const seed = pbkdf2('sha512', sentence, salt, ITERATIONS, SEED_BYTES);
  try {
    return new Secret(seed);
  } finally {
    sentence.fill(0);
    seed.fill(0);
  }
}

function wordsOf(text: string): readonly string[] {
  if (text.length > MNEMONIC_CHARS_MAX)
    throw new MeshError('ERR_KEY_MNEMONIC', `mnemonic of more than ${MNEMONIC_CHARS_MAX} characters`);
  return text.normalize('NFKD').trim().toLowerCase().split(/\s+/);
}

function isWordCount(count: number): count is MnemonicWords {
  return (MNEMONIC_WORDS as readonly number[]).includes(count);
}

function readBits(bytes: Bytes, at: number): number {
  let value = 0;
  for (let i = at; i < at + WORD_BITS; i++) value = (value << 1) | (((bytes[i >> 3] as number) >> (7 - (i & 7))) & 1);
  return value;
}

function writeBits(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < WORD_BITS; i++) {
    const bit = (value >> (WORD_BITS - 1 - i)) & 1;
    const place = (at + i) >> 3;
    bytes[place] = (bytes[place] as number) | (bit << (7 - ((at + i) & 7)));
  }
}
