import { type Bytes, compareBytes, textOfUtf8, utf8 } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import type { DerReader } from '../../../codec/der-reader.ts';
import { TAG } from '../../../codec/der-tag.ts';
import { OID } from '../../../codec/oid.ts';
import { sha256Hex } from '../../../crypto/hash.ts';

/** Attributes in one name. Names in use have up to ten; the bound keeps comparison cheap. */
export const NAME_ATTRIBUTES_MAX = 64;

/** A distinguished name (RFC 5280 section 4.1.2.4), ready to be compared. */
export interface DistinguishedName {
  readonly der: Bytes;
  /** For people: `CN=n1,O=fleet`. Never compared. */
  readonly text: string;
  /**
   * One string a relative distinguished name, equal where RFC 5280 section 7.1 says the names match: case and white
   * space folded, and a PrintableString equal to a UTF8String of the same text.
   */
  readonly canonical: readonly string[];
  /** Values of the legacy emailAddress attribute, to which email constraints apply (RFC 5280 section 4.2.1.10). */
  readonly emailAddresses: readonly string[];
  /** Values of commonName attributes, as written. */
  readonly commonNames: readonly string[];
}

/** Whether it has no attribute: then the subject stands in the alternative name (RFC 5280 section 4.1.2.6). */
export function isEmptyName(name: DistinguishedName): boolean {
  return name.canonical.length === 0;
}

/** Comparison of RFC 5280 section 7.1: case and repeated spaces do not count. */
export function isSameName(a: DistinguishedName, b: DistinguishedName): boolean {
  return a.canonical.length === b.canonical.length && isNameWithin(a, b);
}

/** True when `name` is `base` or lies below it in the directory (RFC 5280 section 7.1). */
export function isNameWithin(name: DistinguishedName, base: DistinguishedName): boolean {
  return base.canonical.length <= name.canonical.length && base.canonical.every((rdn, i) => rdn === name.canonical[i]);
}

/** One text for all names that are the same, and for no others. */
export function nameKey(name: Pick<DistinguishedName, 'canonical'>): string {
  return shortKey(JSON.stringify(name.canonical));
}

/** From this length on the hash of a text stands for it: a name may fill its certificate, and be compared a million times. @tuning */
const KEY_CHARS_MAX = 128;

/** The text, or what stands for it and for no other. */
export function shortKey(text: string): string {
  return text.length <= KEY_CHARS_MAX ? text : `sha256 ${sha256Hex(utf8(text))}`;
}

/** @throws ERR_DER and ERR_CERTIFICATE for anything but a well-formed RDNSequence. */
export function readName(reader: DerReader): DistinguishedName {
  const der = reader.peekRaw();
  const rdns = reader.sequence();
  const canonical: string[] = [];
  const found: Attribute[] = [];
  while (!rdns.isAtEnd) {
    const attributes = readAttributes(rdns.nested(TAG.set), NAME_ATTRIBUTES_MAX - found.length);
    canonical.push(canonicalOf(attributes));
    found.push(...attributes);
  }
  const valuesOf = (wanted: string): readonly string[] =>
    found.filter(({ type }) => type === wanted).map(({ text }) => text);
  return {
    der,
    text: found
      .map(({ type, text }) => `${SHORT_NAMES.get(type) ?? type}=${text}`)
      .reverse()
      .join(','),
    canonical,
    emailAddresses: valuesOf(OID.emailAddress),
    commonNames: valuesOf(OID.commonName),
  };
}

/** One `RelativeDistinguishedName`, whatever its tag, as a name that ends with it has it last in {@link DistinguishedName.canonical}. */
export function readRelativeName(rdn: DerReader): string {
  return canonicalOf(readAttributes(rdn, NAME_ATTRIBUTES_MAX));
}

interface Attribute {
  readonly type: string;
  readonly text: string;
  readonly key: string;
}

function readAttributes(rdn: DerReader, attributesMax: number): readonly Attribute[] {
  const attributes: Attribute[] = [];
  let previous: Bytes | undefined;
  if (rdn.isAtEnd) throw new MeshError('ERR_CERTIFICATE', 'name has an empty relative distinguished name');
  while (!rdn.isAtEnd) {
    if (attributes.length >= attributesMax)
      throw new MeshError('ERR_CERTIFICATE', `name has more than ${NAME_ATTRIBUTES_MAX} attributes`);
    // X.690 section 11.6 sorts them by their encoding, and X.501 section 9.3 has none of them twice.
    const encoding = rdn.peekRaw();
    if (previous !== undefined && compareBytes(previous, encoding) >= 0)
      throw new MeshError(
        'ERR_DER',
        'attributes of a relative distinguished name are not in order, or one stands twice',
      );
    previous = encoding;
    const attribute = rdn.sequence();
    const type = attribute.oid();
    attributes.push({ type, ...readAttributeValue(attribute, SHORT_NAMES.has(type)) });
    attribute.end();
  }
  return attributes;
}

function canonicalOf(attributes: readonly Attribute[]): string {
  return attributes
    .map(({ type, key }) => `${type}=${key}`)
    .sort()
    .join('\u0000');
}

const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  [OID.commonName, 'CN'],
  [OID.serialNumber, 'serialNumber'],
  [OID.country, 'C'],
  [OID.locality, 'L'],
  [OID.state, 'ST'],
  [OID.organization, 'O'],
  [OID.organizationalUnit, 'OU'],
  [OID.domainComponent, 'DC'],
  [OID.emailAddress, 'emailAddress'],
]);

const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;
const ASCII = /^[\x01-\x7f]*$/;
const PLAIN = /^[ -~]*$/;

/** Text and comparison key of an attribute value; for types that hold no text, the key is the encoding itself. */
function readAttributeValue(
  attribute: DerReader,
  mustBeText: boolean,
): { readonly text: string; readonly key: string } {
  const tag = attribute.peek();
  const text = readText(attribute, tag);
  if (text === undefined) {
    if (mustBeText) throw new MeshError('ERR_CERTIFICATE', 'name has an attribute that is no text');
    const hex = `#${attribute.raw().toHex()}`;
    return { text: hex, key: hex };
  }
  // A NUL ends the name for programs in C but not for us: the classic way to hold two names at once.
  if (text === '' || text.includes('\u0000'))
    throw new MeshError('ERR_CERTIFICATE', 'name has an attribute that is empty or holds a NUL');
  return { text, key: prepared(text) };
}

/** What white space stands for, whatever kind it is of (RFC 4518 section 2.2). */
const SPACES = /[\s\u0085]+/gu;
/** What is not seen and stands for nothing: controls, formats, selectors of variants. */
const NOTHING = /(?![\t-\r\u0085])(?:[\p{Cc}\p{Cf}\u1806\ufffc]|\p{Variation_Selector}|\u034f)/gu;

/** A text as it is compared: the string preparation of LDAP (RFC 5280 section 7.1, RFC 4518 section 2). */
function prepared(text: string): string {
  if (PLAIN.test(text)) return text.toLowerCase().trim().replace(/ {2,}/g, ' ');
  // Where one letter becomes several in capitals, as ß does, they are what it is folded to (RFC 3454 appendix B.2).
  const folded = text
    .replace(NOTHING, '')
    .normalize('NFKC')
    .replace(/[^\x00-\x7f]/gu, (letter) =>
      letter.toUpperCase().length > letter.length ? letter.toUpperCase() : letter,
    )
    .toLowerCase()
    .replaceAll('\u03c2', '\u03c3');
  return folded.normalize('NFKC').replace(SPACES, ' ').trim();
}

function readText(attribute: DerReader, tag: number): string | undefined {
  switch (tag) {
    case TAG.utf8String:
      return textOfUtf8(attribute.content(tag));
    case TAG.printableString:
      return matching(latin1(attribute.content(tag)), PRINTABLE);
    case TAG.ia5String:
    case TAG.visibleString:
      return matching(latin1(attribute.content(tag)), ASCII);
    case TAG.teletexString:
      return latin1(attribute.content(tag));
    case TAG.bmpString:
      return fixedWidth(attribute.content(tag), 2);
    case TAG.universalString:
      return fixedWidth(attribute.content(tag), 4);
    default:
      return undefined;
  }
}

function matching(text: string, pattern: RegExp): string {
  if (!pattern.test(text)) throw new MeshError('ERR_CERTIFICATE', 'name has a character outside its string type');
  return text;
}

function latin1(bytes: Bytes): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function fixedWidth(bytes: Bytes, width: 2 | 4): string {
  if (bytes.length % width !== 0)
    throw new MeshError('ERR_CERTIFICATE', 'name has a string that ends inside a character');
  let text = '';
  for (let i = 0; i < bytes.length; i += width) {
    let point = 0;
    for (let j = 0; j < width; j++) point = point * 256 + (bytes[i + j] as number);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
      throw new MeshError('ERR_CERTIFICATE', 'name has a character that does not exist');
    text += String.fromCodePoint(point);
  }
  return text;
}
