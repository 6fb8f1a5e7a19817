import { type Bytes, bytesEqual } from '../../../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../../../base/errors.ts';
import type { UnixMs } from '../../../base/time.ts';
import { type DerReader, readOnly } from '../../../codec/der-reader.ts';
import { contextTag } from '../../../codec/der-tag.ts';
import { OID } from '../../../codec/oid.ts';
import { parsePem } from '../../../codec/pem.ts';
import { sha256 } from '../../../crypto/hash.ts';
import { PublicKey } from '../../../crypto/keys/public-key.ts';
import { type DistinguishedName, isSameName, readName } from '../name/distinguished-name.ts';
import { type Extensions, NO_EXTENSIONS, parseExtensions, readRawExtensions } from './extensions.ts';
import { readAlgorithm, readSignedStructure } from '../sign-structure.ts';

/** Largest certificate that is read at all. Pools of strange certificates are judged too, so it is generous. */
export const CERTIFICATE_BYTES_MAX = 512 * 1024;

/** Octets of a serial number (RFC 5280 section 4.1.2.2). */
export const SERIAL_BYTES_MAX = 20;

/** Lower-case hex of a positive serial number, without leading zeros: the only form that is compared. */
export type SerialHex = string;

/** An X.509 certificate (RFC 5280 section 4.1), read once and never changed. What it claims has not been judged. */
export class Certificate {
  readonly der: Bytes;
  readonly tbs: Bytes;
  readonly version: 1 | 2 | 3;
  readonly serial: SerialHex;
  /** AlgorithmIdentifier, DER. */
  readonly signatureAlgorithm: Bytes;
  readonly signature: Bytes;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  readonly notBefore: UnixMs;
  readonly notAfter: UnixMs;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Bytes;
  readonly extensions: Extensions;
  /** SHA-256 of the DER. */
  readonly fingerprint: Bytes;
  readonly fingerprintHex: string;
  #keyHash: string | undefined;
  #publicKey: PublicKey | undefined;

  constructor(fields: CertificateFields) {
    this.der = fields.der;
    this.tbs = fields.tbs;
    this.version = fields.version;
    this.serial = fields.serial;
    this.signatureAlgorithm = fields.signatureAlgorithm;
    this.signature = fields.signature;
    this.issuer = fields.issuer;
    this.subject = fields.subject;
    this.notBefore = fields.notBefore;
    this.notAfter = fields.notAfter;
    this.spki = fields.spki;
    this.extensions = fields.extensions;
    this.fingerprint = sha256(fields.der);
    this.fingerprintHex = this.fingerprint.toHex();
  }

  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex: what revocation lists of an issuer are kept under. */
  get keyHash(): string {
    this.#keyHash ??= sha256(this.spki).toHex();
    return this.#keyHash;
  }

  /** The subject's key, made usable when it is first needed. @throws ERR_KEY */
  get publicKey(): PublicKey {
    this.#publicKey ??= PublicKey.fromSpki(this.spki);
    return this.#publicKey;
  }

  get isCa(): boolean {
    return this.extensions.basicConstraints?.isCa === true;
  }

  /** Issuer and subject are one name (RFC 5280 section 3.2); such a certificate may still be signed by another key. */
  get isSelfIssued(): boolean {
    return isSameName(this.issuer, this.subject);
  }
}

export type CertificateFields = Pick<
  Certificate,
  | 'der'
  | 'tbs'
  | 'version'
  | 'serial'
  | 'signatureAlgorithm'
  | 'signature'
  | 'issuer'
  | 'subject'
  | 'notBefore'
  | 'notAfter'
  | 'spki'
  | 'extensions'
>;

/** @throws ERR_CERTIFICATE for anything but one well-formed certificate of at most `bytesMax` bytes. */
export function parseCertificate(der: Bytes, bytesMax: number = CERTIFICATE_BYTES_MAX): Certificate {
  if (der.length > bytesMax) throw new MeshError('ERR_CERTIFICATE', `certificate is longer than ${bytesMax} bytes`);
  // A copy: what is read lives on as views of it, and must not change or hold a network buffer.
  const own = new Uint8Array(der);
  try {
    return new Certificate(readOnly(own, (reader) => readCertificate(reader, own)));
  } catch (error) {
    if (!isMeshError(error)) throw error;
    throw new MeshError('ERR_CERTIFICATE', `certificate is malformed: ${messageOf(error)}`, undefined, {
      cause: error,
    });
  }
}

/** The certificates of a PEM text, in order. @throws ERR_PEM, ERR_CERTIFICATE */
export function parseCertificatesPem(text: string, bytesMax: number = CERTIFICATE_BYTES_MAX): Certificate[] {
  return parsePem(text, 'CERTIFICATE').map((der) => parseCertificate(der, bytesMax));
}

/** A serial number as people write it (any case, colons, leading zeros) in the form that is compared. @throws ERR_INPUT */
export function parseSerial(text: string): SerialHex {
  const digits = text.replaceAll(':', '').toLowerCase().replace(/^0+/, '');
  if (!/^[0-9a-f]+$/.test(digits) || digits.length > SERIAL_BYTES_MAX * 2)
    throw new MeshError('ERR_INPUT', 'serial number is not 1 to 20 octets of hex, or it is zero');
  return digits;
}

/** A positive INTEGER of at most 20 octets, in the form that is compared. */
export function readSerial(reader: DerReader): SerialHex {
  const bytes = reader.integerBytes();
  if (bytes.length > SERIAL_BYTES_MAX || (bytes[0] as number) >= 0x80)
    throw new MeshError('ERR_DER', 'serial number is negative or longer than 20 octets');
  const hex = serialOf(bytes);
  if (hex === '') throw new MeshError('ERR_DER', 'serial number is zero');
  return hex;
}

/** The number that these octets are, in the form that is compared; empty for zero. */
export function serialOf(octets: Bytes): SerialHex {
  const hex = octets.toHex();
  let start = 0;
  while (hex.charCodeAt(start) === 0x30) start += 1;
  return start === 0 ? hex : hex.slice(start);
}

function readCertificate(reader: DerReader, der: Bytes): CertificateFields {
  const { signed: tbs, body, signatureAlgorithm, signature } = readSignedStructure(reader);
  const version = readVersion(body);
  const serial = readSerial(body);
  // RFC 5280 section 4.1.1.2: what is signed names the algorithm of the signature, so that it cannot be exchanged.
  if (!bytesEqual(readAlgorithm(body), signatureAlgorithm))
    throw new MeshError('ERR_CERTIFICATE', 'the two signature algorithms differ');
  const issuer = readName(body);
  const validity = body.sequence();
  const notBefore = validity.timeOfEitherForm();
  const notAfter = validity.timeOfEitherForm();
  validity.end();
  const subject = readName(body);
  const spki = readSpki(body);
  for (const n of [1, 2]) {
    if (body.peek() !== contextTag(n, 'primitive')) continue;
    if (version === 1) throw new MeshError('ERR_CERTIFICATE', 'unique identifier in a certificate of version 1');
    body.bitString(contextTag(n, 'primitive'));
  }
  const explicit = body.optionalContext(3);
  body.end();
  let extensions = NO_EXTENSIONS;
  if (explicit !== undefined) {
    if (version !== 3) throw new MeshError('ERR_CERTIFICATE', 'extensions in a certificate below version 3');
    extensions = parseExtensions(readRawExtensions(explicit.sequence()));
    explicit.end();
  }
  return {
    der,
    tbs,
    version,
    serial,
    signatureAlgorithm,
    signature,
    issuer,
    subject,
    notBefore,
    notAfter,
    spki,
    extensions,
  };
}

/**
 * A SubjectPublicKeyInfo whole. Whether its key is of any use is for `PublicKey` to say; here it has the shape that the
 * common kinds have (RFC 3279 section 2.3.1, RFC 5480 section 2, RFC 8410 section 4).
 */
function readSpki(body: DerReader): Bytes {
  const whole = body.peekRaw();
  const info = body.sequence();
  const algorithm = readOnly(readAlgorithm(info), (reader) => {
    const identifier = reader.sequence();
    const type = identifier.oid();
    // A curve has a name: one that comes with its own parameters is whatever its sender wants.
    if (type === OID.ecPublicKey) identifier.oid();
    else if (type === OID.rsaEncryption) identifier.null();
    else if (type !== OID.ed25519 && !identifier.isAtEnd) identifier.raw();
    identifier.end();
    return type;
  });
  const key = info.bitString().bytes;
  info.end();
  if (algorithm === OID.rsaEncryption)
    readOnly(key, (reader) => {
      const numbers = reader.sequence();
      numbers.integerBytes();
      numbers.integerBytes();
      numbers.end();
    });
  return whole;
}

function readVersion(body: DerReader): 1 | 2 | 3 {
  const explicit = body.optionalContext(0);
  if (explicit === undefined) return 1;
  const number = explicit.smallInteger();
  explicit.end();
  // 0 stands for version 1, which is the default and therefore never written (X.690 section 11.5).
  if (number !== 1 && number !== 2) throw new MeshError('ERR_CERTIFICATE', 'unknown version');
  return number === 1 ? 2 : 3;
}
