import type { Bytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import type { UnixMs } from '../base/time.ts';
import { contextTag, TAG, tagName } from './der-tag.ts';
import { readDerTime } from './der-time.ts';

/** Readers inside readers. A certificate needs 9; a bundle of nested sequences must not cost stack. */
export const DER_DEPTH_MAX = 16;

/** Content octets of one OBJECT IDENTIFIER. A 2.25 (UUID) arc needs 19; the rest is room for enterprise trees. */
export const OID_BYTES_MAX = 64;

/** Content octets of a number that {@link DerReader.smallInteger} reads: always a safe integer. */
export const SMALL_INTEGER_BYTES_MAX = 6;

function refuse(message: string): never {
  throw new MeshError('ERR_DER', message);
}

/**
 * Reads DER (X.690 sections 8, 10 and 11) strictly from front to back, without copying: low tags, definite lengths in
 * their shortest form, every element inside its parent. What it returns are views of the input.
 *
 * A caller takes the elements that its grammar names, in order, and calls {@link end}, which refuses trailing bytes.
 * Only ever throws ERR_DER. Memory follows the bytes received, never a length field.
 */
export class DerReader {
  readonly #bytes: Bytes;
  readonly #end: number;
  readonly #depth: number;
  #at: number;
  #contentStart = 0;
  #contentEnd = 0;

  constructor(bytes: Bytes, start = 0, end = bytes.length, depth = 0) {
    if (depth > DER_DEPTH_MAX) refuse(`nested deeper than ${DER_DEPTH_MAX} levels`);
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#depth = depth;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  /** The identifier octet of the next element; -1 at the end. */
  peek(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] as number) : -1;
  }

  /** @throws ERR_DER where something follows that the grammar does not name. */
  end(): void {
    if (this.#at !== this.#end) refuse(`${this.#end - this.#at} trailing bytes`);
  }

  /** Content octets of the next element, which must have this identifier octet. */
  content(tag: number): Bytes {
    this.#enter(tag);
    return this.#bytes.subarray(this.#contentStart, this.#contentEnd);
  }

  /** The next element whole, header included, whatever its tag. What lies inside has not been looked at. */
  raw(): Bytes {
    const start = this.#at;
    this.#enter(this.peek());
    return this.#bytes.subarray(start, this.#contentEnd);
  }

  /** As {@link raw}, without moving. */
  peekRaw(): Bytes {
    const at = this.#at;
    const whole = this.raw();
    this.#at = at;
    return whole;
  }

  /** A reader over the content of the next element, which must have this (constructed) identifier octet. */
  nested(tag: number): DerReader {
    this.#enter(tag);
    return new DerReader(this.#bytes, this.#contentStart, this.#contentEnd, this.#depth + 1);
  }

  sequence(): DerReader {
    return this.nested(TAG.sequence);
  }

  /** `[n] EXPLICIT`, where present. */
  optionalContext(n: number): DerReader | undefined {
    const tag = contextTag(n, 'constructed');
    return this.peek() === tag ? this.nested(tag) : undefined;
  }

  boolean(tag: number = TAG.boolean): boolean {
    this.#enter(tag);
    const octet = this.#bytes[this.#contentStart];
    if (this.#contentEnd - this.#contentStart !== 1 || (octet !== 0x00 && octet !== 0xff))
      refuse('BOOLEAN is neither 00 nor FF');
    return octet === 0xff;
  }

  /** `BOOLEAN DEFAULT FALSE`: absent means false, and an explicit false is not DER (X.690 section 11.5). */
  defaultFalse(tag: number = TAG.boolean): boolean {
    if (this.peek() !== tag) return false;
    if (!this.boolean(tag)) refuse('a default value is written out');
    return true;
  }

  /** Two's complement content octets of an INTEGER in their shortest form; never empty. */
  integerBytes(tag: number = TAG.integer): Bytes {
    this.#enter(tag);
    const start = this.#contentStart;
    const length = this.#contentEnd - start;
    if (length === 0) refuse('INTEGER without content');
    const first = this.#bytes[start] as number;
    if (length > 1) {
      const isSecondHigh = (this.#bytes[start + 1] as number) >= 0x80;
      if ((first === 0x00 && !isSecondHigh) || (first === 0xff && isSecondHigh))
        refuse('INTEGER is not in its shortest form');
    }
    return this.#bytes.subarray(start, this.#contentEnd);
  }

  /** A non-negative INTEGER below 2^47. */
  smallInteger(tag: number = TAG.integer): number {
    const bytes = this.integerBytes(tag);
    if (bytes.length > SMALL_INTEGER_BYTES_MAX || (bytes[0] as number) >= 0x80) refuse('INTEGER out of range');
    let value = 0;
    for (const byte of bytes) value = value * 256 + byte;
    return value;
  }

  /** The dotted form of an OBJECT IDENTIFIER; arcs of any size, as 2.25 needs them. */
  oid(tag: number = TAG.oid): string {
    return dottedOid(this.content(tag));
  }

  null(): void {
    if (this.content(TAG.null).length !== 0) refuse('NULL with content');
  }

  octetString(): Bytes {
    return this.content(TAG.octetString);
  }

  /** A BIT STRING of whole octets, as signatures and keys are. */
  bitStringOctets(tag: number = TAG.bitString): Bytes {
    const { bytes, unusedBits } = this.bitString(tag);
    if (unusedBits !== 0) refuse('BIT STRING does not hold whole octets');
    return bytes;
  }

  bitString(tag: number = TAG.bitString): { readonly bytes: Bytes; readonly unusedBits: number } {
    const content = this.content(tag);
    const unusedBits = content[0];
    if (unusedBits === undefined || unusedBits > 7) return refuse('BIT STRING with a wrong count of unused bits');
    const bytes = content.subarray(1);
    const last = bytes[bytes.length - 1];
    if (last === undefined ? unusedBits !== 0 : (last & ((1 << unusedBits) - 1)) !== 0)
      refuse('BIT STRING with unused bits set');
    return { bytes, unusedBits };
  }

  /**
   * A BIT STRING of named bits, bit 0 as the lowest bit of the result; at most 16 bits.
   * DER drops trailing zero bits (X.690 section 11.2.2); the empty list is 0.
   */
  namedBits(tag: number = TAG.bitString): number {
    const { bytes, unusedBits } = this.bitString(tag);
    if (bytes.length > 2) refuse('BIT STRING with too many named bits');
    const last = bytes[bytes.length - 1];
    if (last !== undefined && ((last >> unusedBits) & 1) === 0)
      refuse('BIT STRING of named bits with trailing zero bits');
    let bits = 0;
    for (let i = 0; i < bytes.length * 8; i++)
      if (((bytes[i >> 3] as number) & (0x80 >> (i & 7))) !== 0) bits |= 1 << i;
    return bits;
  }

  /** UTCTime or GeneralizedTime in the forms of RFC 5280 section 4.1.2.5: to the second, in UTC, each in its own years. */
  time(): UnixMs {
    return this.#time(false);
  }

  /**
   * As {@link time}, with GeneralizedTime in any year: who issues a certificate must not write it before 2050, but who
   * reads one must understand it (RFC 5280 section 4.1.2.5).
   */
  timeOfEitherForm(): UnixMs {
    return this.#time(true);
  }

  #time(isGeneralizedInAnyYear: boolean): UnixMs {
    const tag = this.peek();
    if (tag !== TAG.utcTime && tag !== TAG.generalizedTime) refuse('expected a time');
    this.#enter(tag);
    const form = tag === TAG.utcTime ? 'utc' : isGeneralizedInAnyYear ? 'generalized-in-any-year' : 'generalized';
    return readDerTime(this.#bytes, this.#contentStart, this.#contentEnd, form);
  }

  /** `identifier(1) ‖ length(1, or 0x80+n and n octets) ‖ content`; moves behind it. */
  #enter(tag: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    if (at >= this.#end) refuse(`ends where ${tagName(tag)} is expected`);
    const found = bytes[at] as number;
    if (found !== tag) refuse(`has ${tagName(found)} where ${tagName(tag)} is expected`);
    if ((found & 0x1f) === 0x1f) refuse('high tag number');
    at += 1;
    if (at >= this.#end) refuse('ends inside a length');
    let length = bytes[at] as number;
    at += 1;
    if (length >= 0x80) {
      const octets = length & 0x7f;
      if (octets === 0) refuse('indefinite length');
      if (octets > 4) refuse('length of more than 4 octets');
      if (at + octets > this.#end) refuse('ends inside a length');
      length = 0;
      for (let i = 0; i < octets; i++) length = length * 256 + (bytes[at + i] as number);
      if (length < 0x80 || length < 2 ** (8 * (octets - 1))) refuse('length is not in its shortest form');
      at += octets;
    }
    if (length > this.#end - at) refuse('element reaches beyond its parent');
    this.#contentStart = at;
    this.#contentEnd = at + length;
    this.#at = at + length;
  }
}

/** One whole element and nothing behind it. */
export function readOnly<T>(bytes: Bytes, read: (reader: DerReader) => T): T {
  const reader = new DerReader(bytes);
  const value = read(reader);
  reader.end();
  return value;
}

function dottedOid(content: Bytes): string {
  if (content.length === 0 || content.length > OID_BYTES_MAX) refuse('OBJECT IDENTIFIER of unusable length');
  if ((content[content.length - 1] as number) >= 0x80) refuse('OBJECT IDENTIFIER ends inside an arc');
  let text = '';
  let arc = 0;
  let bigArc: bigint | undefined;
  let isArcStart = true;
  for (const byte of content) {
    if (isArcStart && byte === 0x80) refuse('OBJECT IDENTIFIER with a padded arc');
    isArcStart = byte < 0x80;
    if (bigArc === undefined && arc >= 2 ** 45) bigArc = BigInt(arc);
    if (bigArc === undefined) arc = arc * 128 + (byte & 0x7f);
    else bigArc = (bigArc << 7n) | BigInt(byte & 0x7f);
    if (!isArcStart) continue;
    if (text !== '') text += `.${bigArc ?? arc}`;
    else if (bigArc !== undefined) text = `2.${bigArc - 80n}`;
    else text = arc < 40 ? `0.${arc}` : arc < 80 ? `1.${arc - 40}` : `2.${arc - 80}`;
    arc = 0;
    bigArc = undefined;
  }
  return text;
}
