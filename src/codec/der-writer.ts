import { type Bytes, compareBytes, fromHex, utf8 } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import type { UnixMs } from '../base/time.ts';
import { OID_BYTES_MAX } from './der-reader.ts';
import { contextTag, TAG } from './der-tag.ts';
import { OID } from './oid.ts';

/*
 * Each function returns one whole DER element (X.690), written or, from {@link inner}, yet to be. They compose from the
 * inside out; a certificate is some sixty calls, and what every certificate of an issuer shares is built once by the
 * caller.
 */

/** Octets that the header of an element with this much content takes. */
export function headerBytes(contentBytes: number): number {
  if (contentBytes < 0x80) return 2;
  if (contentBytes < 0x100) return 3;
  if (contentBytes < 0x1_0000) return 4;
  return contentBytes < 0x100_0000 ? 5 : 6;
}

/** Writes identifier and length octets into `out` and returns the offset of the content. */
export function writeHeader(out: Bytes, offset: number, tag: number, contentBytes: number): number {
  out[offset] = tag;
  const octets = headerBytes(contentBytes) - 2;
  if (octets === 0) {
    out[offset + 1] = contentBytes;
    return offset + 2;
  }
  out[offset + 1] = 0x80 | octets;
  for (let i = 0; i < octets; i++) out[offset + 2 + i] = (contentBytes >>> (8 * (octets - 1 - i))) & 0xff;
  return offset + 2 + octets;
}

/** What an element is made of. */
export type DerPart = Bytes | InnerElement | TextElement;

/** Text of ASCII, written in its place. Most names in a certificate are, and none needs bytes of its own. */
export class TextElement {
  readonly tag: number;
  readonly text: string;
  /** Octets of the whole element. */
  readonly length: number;

  constructor(tag: number, text: string) {
    this.tag = tag;
    this.text = text;
    this.length = headerBytes(text.length) + text.length;
  }
}

/** An element that is written together with the one around it: a deep tree then costs one buffer, and each octet one copy. */
export class InnerElement {
  readonly tag: number;
  readonly parts: readonly DerPart[];
  readonly contentBytes: number;
  /** Octets of the whole element. */
  readonly length: number;

  constructor(tag: number, parts: readonly DerPart[]) {
    let length = 0;
    for (const part of parts) length += part.length;
    this.tag = tag;
    this.parts = parts;
    this.contentBytes = length;
    this.length = headerBytes(length) + length;
  }
}

/** An element that is written as part of another: its bytes are laid down once, with those of the whole. */
export function inner(tag: number, ...parts: readonly DerPart[]): InnerElement {
  return new InnerElement(tag, parts);
}

/** One element: identifier octet, length, and the parts as content. */
export function element(tag: number, ...parts: readonly DerPart[]): Bytes {
  const whole = new InnerElement(tag, parts);
  const out = new Uint8Array(whole.length);
  putPart(out, 0, whole);
  return out;
}

/** Elements one after another as bytes, for what many structures share. */
export function encoded(...parts: readonly DerPart[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) offset = putPart(out, offset, part);
  return out;
}

/** Writes a part to its place. @returns the offset behind it. */
export function putPart(out: Bytes, at: number, part: DerPart): number {
  if (part instanceof InnerElement) {
    let offset = writeHeader(out, at, part.tag, part.contentBytes);
    for (const each of part.parts) offset = putPart(out, offset, each);
    return offset;
  }
  if (part instanceof TextElement) {
    const { tag, text } = part;
    const offset = writeHeader(out, at, tag, text.length);
    for (let i = 0; i < text.length; i++) out[offset + i] = text.charCodeAt(i);
    return offset + text.length;
  }
  // `set` costs as much as copying some forty bytes; most parts of a certificate are shorter.
  if (part.length > 40) out.set(part, at);
  else for (let i = 0; i < part.length; i++) out[at + i] = part[i] as number;
  return at + part.length;
}

export function sequence(...parts: readonly DerPart[]): Bytes {
  return element(TAG.sequence, ...parts);
}

/** SET OF: DER sorts the elements by their encoding (X.690 section 11.6). */
export function setOf(...parts: readonly Bytes[]): Bytes {
  return element(TAG.set, ...[...parts].sort(compareBytes));
}

/** `[n] EXPLICIT`, or a constructed `[n] IMPLICIT`. */
export function context(n: number, ...parts: readonly DerPart[]): Bytes {
  return element(contextTag(n, 'constructed'), ...parts);
}

/** A primitive `[n] IMPLICIT`. */
export function contextPrimitive(n: number, content: Bytes): Bytes {
  return element(contextTag(n, 'primitive'), content);
}

export function boolean(value: boolean): Bytes {
  return Uint8Array.of(TAG.boolean, 1, value ? 0xff : 0x00);
}

/** A non-negative INTEGER; bytes are big-endian magnitude, leading zeros allowed. */
export function unsignedInteger(value: Bytes | bigint | number, tag: number = TAG.integer): Bytes {
  const bytes = typeof value === 'object' ? value : magnitude(value);
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const padding = bytes.length === 0 || (bytes[start] as number) >= 0x80 ? 1 : 0;
  const contentBytes = padding + bytes.length - start;
  const out = new Uint8Array(headerBytes(contentBytes) + contentBytes);
  const offset = writeHeader(out, 0, tag, contentBytes) + padding - start;
  for (let i = start; i < bytes.length; i++) out[offset + i] = bytes[i] as number;
  return out;
}

function magnitude(value: bigint | number): Bytes {
  if (value < 0 || (typeof value === 'number' && !Number.isSafeInteger(value)))
    throw new RangeError('expected an integer of 0 or more');
  const hex = value.toString(16);
  return fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
}

/** An OBJECT IDENTIFIER. Those that this program knows are encoded once. @throws ERR_DER */
export function oid(dotted: string): Bytes {
  return KNOWN_OIDS.get(dotted) ?? encodeOid(dotted);
}

function encodeOid(dotted: string): Bytes {
  const arcs = dotted.split('.');
  if (arcs.length < 2 || arcs.some((arc) => !/^(0|[1-9][0-9]*)$/.test(arc)))
    throw new MeshError('ERR_DER', 'not an object identifier');
  const [first, second, ...rest] = arcs.map(BigInt) as [bigint, bigint, ...bigint[]];
  if (first > 2n || (first < 2n && second > 39n)) throw new MeshError('ERR_DER', 'not an object identifier');
  const content: number[] = [];
  for (const arc of [first * 40n + second, ...rest]) {
    const septets: number[] = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) septets.unshift(Number(left & 0x7fn) | 0x80);
    content.push(...septets);
  }
  if (content.length > OID_BYTES_MAX) throw new MeshError('ERR_DER', 'object identifier is too long');
  return element(TAG.oid, Uint8Array.from(content));
}

const KNOWN_OIDS: ReadonlyMap<string, Bytes> = new Map(Object.values(OID).map((dotted) => [dotted, encodeOid(dotted)]));

export const NULL: Bytes = Uint8Array.of(TAG.null, 0);

export function octetString(content: Bytes): Bytes {
  return element(TAG.octetString, content);
}

/** A BIT STRING of whole octets. */
export function bitString(octets: Bytes): Bytes {
  return element(TAG.bitString, Uint8Array.of(0), octets);
}

/** A BIT STRING of named bits, bit 0 the lowest bit of `bits`, trailing zero bits dropped (X.690 section 11.2.2). */
export function namedBits(bits: number, tag: number = TAG.bitString): Bytes {
  if (bits === 0) return element(tag, Uint8Array.of(0));
  const count = 32 - Math.clz32(bits);
  const octets = new Uint8Array((count + 7) >> 3);
  for (let i = 0; i < count; i++) if ((bits >>> i) & 1) octets[i >> 3] = (octets[i >> 3] as number) | (0x80 >> (i & 7));
  return element(tag, Uint8Array.of(octets.length * 8 - count), octets);
}

export function utf8String(text: string): DerPart {
  return isAscii(text) ? new TextElement(TAG.utf8String, text) : element(TAG.utf8String, utf8(text));
}

/** @throws ERR_DER for anything beyond ASCII. */
export function ia5String(text: string, tag: number = TAG.ia5String): DerPart {
  if (!isAscii(text)) throw new MeshError('ERR_DER', 'text is not ASCII');
  return new TextElement(tag, text);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

/** UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5); fractions of a second are cut off. */
export function time(at: UnixMs): Bytes {
  const date = new Date(at);
  const year = date.getUTCFullYear();
  if (!(year >= 1000 && year <= 9999)) throw new RangeError('time: expected a year of four digits');
  const isUtcTime = year >= 1950 && year < 2050;
  const out = new Uint8Array(isUtcTime ? 15 : 17);
  let offset = writeHeader(out, 0, isUtcTime ? TAG.utcTime : TAG.generalizedTime, out.length - 2);
  if (!isUtcTime) offset = writePair(out, offset, Math.floor(year / 100));
  offset = writePair(out, offset, year % 100);
  offset = writePair(out, offset, date.getUTCMonth() + 1);
  offset = writePair(out, offset, date.getUTCDate());
  offset = writePair(out, offset, date.getUTCHours());
  offset = writePair(out, offset, date.getUTCMinutes());
  offset = writePair(out, offset, date.getUTCSeconds());
  out[offset] = 0x5a;
  return out;
}

function writePair(out: Bytes, at: number, value: number): number {
  out[at] = 0x30 + Math.floor(value / 10);
  out[at + 1] = 0x30 + (value % 10);
  return at + 2;
}
