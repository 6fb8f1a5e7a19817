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

/**
 * Whether `part` stands at this place of `all`. It is for whole messages that nearly always do, so sixteen octets are
 * compared in one step, which takes half the time.
 */
export function isAt(all: DataView, at: number, part: Bytes): boolean {
  const { length } = part;
  if (at + length > all.byteLength) return false;
  const view = new DataView(part.buffer, part.byteOffset, length);
  let differs = 0;
  let i = 0;
  for (; i + 16 <= length; i += 16) {
    differs |= all.getInt32(at + i) ^ view.getInt32(i);
    differs |= all.getInt32(at + i + 4) ^ view.getInt32(i + 4);
    differs |= all.getInt32(at + i + 8) ^ view.getInt32(i + 8);
    differs |= all.getInt32(at + i + 12) ^ view.getInt32(i + 12);
  }
  for (; i < length; i++) differs |= all.getUint8(at + i) ^ view.getUint8(i);
  return differs === 0;
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

/**
 * @param out where there is room for it already, of just its length.
 * @throws ERR_INPUT unless `text` is an even number of hex digits.
 */
export function fromHex(text: string, out: Bytes = new Uint8Array(text.length >> 1)): Bytes {
  try {
    out.setFromHex(text); // `Uint8Array.fromHex` takes three times as long, for it allocates outside of the heap
  } catch {
    throw new MeshError('ERR_INPUT', 'expected an even number of hex digits');
  }
  return out;
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

/** Lower-case base32 without padding (RFC 4648 section 6): the form of a node id. Eight characters at a time. */
export function toBase32(bytes: Bytes): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 5) {
    const a = bytes[i] ?? 0;
    const b = bytes[i + 1] ?? 0;
    const c = bytes[i + 2] ?? 0;
    const d = bytes[i + 3] ?? 0;
    const e = bytes[i + 4] ?? 0;
    out += String.fromCharCode(
      base32Code(a >> 3),
      base32Code((a << 2) | (b >> 6)),
      base32Code(b >> 1),
      base32Code((b << 4) | (c >> 4)),
      base32Code((c << 1) | (d >> 7)),
      base32Code(d >> 2),
      base32Code((d << 3) | (e >> 5)),
      base32Code(e),
    );
  }
  return out.slice(0, Math.ceil((bytes.length * 8) / 5));
}

/** The character of the lowest five bits: `a` to `z`, then `2` to `7`. */
function base32Code(bits: number): number {
  const value = bits & 31;
  return value < 26 ? 0x61 + value : 0x18 + value;
}
