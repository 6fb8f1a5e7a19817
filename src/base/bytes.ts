import { MeshError } from './errors.ts';

export type Bytes = Uint8Array;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const EMPTY: Bytes = new Uint8Array(0);

/** Lone surrogates become U+FFFD. */
export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** @throws ERR_INPUT for anything that is not valid UTF-8. */
export function textOfUtf8(bytes: Bytes): string {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    throw new MeshError('ERR_INPUT', 'text is not valid UTF-8');
  }
}

/** A copy. */
export function concatBytes(...parts: readonly Bytes[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Equality of public bytes. Secrets are compared with `secretsEqual` of `crypto/`, in constant time. */
export function bytesEqual(a: Bytes, b: Bytes): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether the bytes begin with these. */
export function startsWith(bytes: Bytes, prefix: Bytes): boolean {
  if (bytes.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false;
  return true;
}

/** Whether `part` stands at this place of `all`. */
export function isAt(all: Bytes, at: number, part: Bytes): boolean {
  if (at + part.length > all.length) return false;
  for (let i = 0; i < part.length; i++) if (all[at + i] !== part[i]) return false;
  return true;
}

/** Lexicographic order of bytes; a prefix comes first. */
export function compareBytes(a: Bytes, b: Bytes): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const d = (a[i] as number) - (b[i] as number);
    if (d !== 0) return d;
  }
  return a.length - b.length;
}

/** Lower case. */
export function toHex(bytes: Bytes): string {
  return bytes.toHex();
}

/** @throws ERR_INPUT unless `text` is an even number of hex digits. */
export function fromHex(text: string): Bytes {
  try {
    return Uint8Array.fromHex(text);
  } catch {
    throw new MeshError('ERR_INPUT', 'expected an even number of hex digits');
  }
}

/** Standard base64 with padding (RFC 4648 section 4). */
export function toBase64(bytes: Bytes): string {
  return bytes.toBase64();
}

/** @throws ERR_INPUT unless `text` is canonical, padded, standard base64. */
export function fromBase64(text: string): Bytes {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' });
  } catch {
    throw new MeshError('ERR_INPUT', 'expected standard base64 with padding');
  }
}

/** URL-safe base64 without padding (RFC 4648 section 5). */
export function toBase64Url(bytes: Bytes): string {
  return bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Lower-case base32 without padding (RFC 4648 section 6): the form of a node id. */
export function toBase32(bytes: Bytes): string {
  let out = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += BASE32[(buffer >> bits) & 31];
    }
  }
  if (bits > 0) out += BASE32[(buffer << (5 - bits)) & 31];
  return out;
}
