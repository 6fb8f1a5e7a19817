import { type Bytes, fromHex } from '../../../base/bytes.ts';
import { after, MINUTE_MS, SECOND_MS, type UnixMs } from '../../../base/time.ts';
import { contextTag, TAG } from '../../../codec/der-tag.ts';
import {
  boolean,
  context,
  type DerPart,
  element,
  encoded,
  ia5String,
  type InnerElement,
  inner,
  namedBits,
  oid,
  sequence,
  time,
  unsignedInteger,
} from '../../../codec/der-writer.ts';
import { OID } from '../../../codec/oid.ts';
import { sha256 } from '../../../crypto/hash.ts';
import type { MessageAlgorithm } from '../../../crypto/keys/public-key.ts';
import type { Signer } from '../../../crypto/keys/signer.ts';
import { x509AlgorithmIdentifier } from '../../../crypto/signatures/x509-signature.ts';
import type { Certificate } from './certificate.ts';
import { signStructure } from '../sign-structure.ts';

/** Octets of a serial number as the caller draws it: 128 random bits, so that nobody can guess the next (RFC 5280 asks 64). */
export const SERIAL_RANDOM_BYTES = 16;

/** How far certificates are dated back: clocks of a fleet differ by minutes. */
export const BACKDATE_MS = 10 * MINUTE_MS;

/** From when and how long a certificate is to be valid. */
export interface Validity {
  readonly issuedAt: UnixMs;
  readonly lifeMs: number;
}

/** The parts of a certificate that its profile decides. */
export interface CertificateTemplate {
  /** The issuer's subject. */
  readonly issuer: DerPart;
  readonly subject: DerPart;
  readonly spki: Bytes;
  /** {@link SERIAL_RANDOM_BYTES} random octets. */
  readonly serial: Bytes;
  readonly notBefore: UnixMs;
  readonly notAfter: UnixMs;
  readonly extensions: readonly DerPart[];
}

/** Signs a certificate of version 3. DER. @throws RangeError for a serial number that is not random enough. */
export async function signCertificate(template: CertificateTemplate, signer: Signer): Promise<Bytes> {
  const { serial, notBefore, notAfter } = template;
  const dates = { notBefore: time(notBefore), notAfter: time(notAfter) };
  const parts = { ...template, serial: serialNumber(serial), ...dates };
  return signStructure(signer, encoded(certificateOf(parts, signer.algorithm)));
}

/** What a certificate is made of, as it is written. */
export type CertificateParts = Pick<CertificateTemplate, 'issuer' | 'subject' | 'spki' | 'extensions'> &
  Readonly<Record<'serial' | 'notBefore' | 'notAfter', DerPart>>;

/** What is signed of a certificate of version 3. @param algorithm of the issuer's key. */
export function certificateOf(parts: CertificateParts, algorithm: MessageAlgorithm): InnerElement {
  const { issuer, subject, spki, serial, notBefore, notAfter, extensions } = parts;
  return inner(
    TAG.sequence,
    VERSION_3,
    serial,
    x509AlgorithmIdentifier(algorithm),
    issuer,
    inner(TAG.sequence, notBefore, notAfter),
    subject,
    spki,
    inner(contextTag(3, 'constructed'), inner(TAG.sequence, ...extensions)),
  );
}

const VERSION_3 = context(0, unsignedInteger(2));

/** @param serial {@link SERIAL_RANDOM_BYTES} octets. @throws RangeError where it is not random enough. */
export function serialNumber(serial: Bytes): Bytes {
  if (serial.length !== SERIAL_RANDOM_BYTES || serial.every((octet) => octet === 0))
    throw new RangeError(`serial: expected ${SERIAL_RANDOM_BYTES} random bytes`);
  return unsignedInteger(serial);
}

/**
 * Dates after backdating, in whole seconds, as certificates have them; a certificate never outlives its issuer.
 * @throws RangeError where nothing would be left.
 */
export function datesOf(
  { issuedAt, lifeMs }: Validity,
  issuer?: Certificate,
): { readonly notBefore: UnixMs; readonly notAfter: UnixMs } {
  const notAfter = Math.min(after(issuedAt, lifeMs), issuer?.notAfter ?? Number.POSITIVE_INFINITY) as UnixMs;
  if (!(notAfter > issuedAt))
    throw new RangeError(
      'validity: the certificate would end before it is issued; the issuer has expired or the life is not positive',
    );
  return { notBefore: wholeSeconds(after(issuedAt, -BACKDATE_MS)), notAfter: wholeSeconds(notAfter) };
}

function wholeSeconds(at: UnixMs): UnixMs {
  return (Math.floor(at / SECOND_MS) * SECOND_MS) as UnixMs;
}

/** A distinguished name of one attribute a level, most general first. `type` is an OID in dots; values are UTF8String. */
export function nameOf(...attributes: readonly (readonly [type: string, value: DerPart])[]): DerPart {
  return inner(TAG.sequence, ...attributes.map(attributeOf));
}

/** A relative distinguished name of one attribute. */
function attributeOf([type, value]: readonly [type: string, value: DerPart]): DerPart {
  return inner(TAG.set, inner(TAG.sequence, oid(type), value));
}

/** The leftmost 160 bits of the SHA-256 of the key's SubjectPublicKeyInfo (RFC 7093 section 2, method 4). */
export function keyIdOf(spki: Bytes): Bytes {
  return keyIdOfHash(sha256(spki));
}

/** As {@link keyIdOf}, from the hash. */
export function keyIdOfHash(hash: Bytes): Bytes {
  return hash.slice(0, 20);
}

/** One `Extension` (RFC 5280 section 4.1): `value` is DER, and is wrapped in the octet string here. */
export function extension(type: string, isCritical: boolean, value: DerPart): DerPart {
  const content = inner(TAG.octetString, value);
  return isCritical ? inner(TAG.sequence, oid(type), boolean(true), content) : inner(TAG.sequence, oid(type), content);
}

export function basicConstraintsCa(pathLenMax?: number): DerPart {
  return extension(
    OID.basicConstraints,
    true,
    sequence(boolean(true), ...(pathLenMax === undefined ? [] : [unsignedInteger(pathLenMax)])),
  );
}

/**
 * Critical.
 * @param bits as `namedBits` takes them: 1 is digitalSignature, 2 nonRepudiation (RFC 5280 section 4.2.1.3).
 */
export function keyUsage(bits: number): DerPart {
  return extension(OID.keyUsage, true, namedBits(bits));
}

export function extendedKeyUsage(...oids: readonly string[]): DerPart {
  return extension(OID.extendedKeyUsage, false, sequence(...oids.map(oid)));
}

/**
 * An issuer that renews keeps it (RFC 5280 section 4.2.1.2).
 * @param keyId from the key alone, see {@link keyIdOf}.
 */
export function subjectKeyIdentifier(keyId: Bytes): DerPart {
  return extension(OID.subjectKeyIdentifier, false, inner(TAG.octetString, keyId));
}

/** Points at the issuer's key by the identifier in the issuer's own certificate. */
export function authorityKeyIdentifier(issuer: Certificate): DerPart {
  const keyId = issuer.extensions.subjectKeyIdentifier;
  if (keyId === undefined) throw new RangeError('issuer: expected a certificate with a subject key identifier');
  return extension(
    OID.authorityKeyIdentifier,
    false,
    inner(TAG.sequence, inner(contextTag(0, 'primitive'), fromHex(keyId))),
  );
}

export function subjectAltName(...names: readonly DerPart[]): DerPart {
  return extension(OID.subjectAltName, false, inner(TAG.sequence, ...names));
}

/** Name constraints that permit these and nothing else of their forms. */
export function permittedNames(...names: readonly DerPart[]): DerPart {
  return extension(OID.nameConstraints, true, sequence(context(0, ...names.map((name) => sequence(name)))));
}

/** Where the world fetches the issuer's CRL (RFC 5280 section 4.2.1.13). */
export function crlDistributionPoint(url: string): DerPart {
  return extension(OID.crlDistributionPoints, false, sequence(sequence(context(0, context(0, uriName(url))))));
}

export function dnsName(name: string): DerPart {
  return ia5String(name, contextTag(2, 'primitive'));
}

export function uriName(uri: string): DerPart {
  return ia5String(uri, contextTag(6, 'primitive'));
}

export function ipName(octets: Bytes): Bytes {
  return element(contextTag(7, 'primitive'), octets);
}

/** otherName of type bundleEID (RFC 9174 section 4.4.2.1). @param eid an IA5String. */
export function bundleEidName(eid: DerPart): DerPart {
  return inner(CONTEXT_0, BUNDLE_EID, inner(CONTEXT_0, eid));
}

const CONTEXT_0 = contextTag(0, 'constructed');
const BUNDLE_EID = oid(OID.bundleEid);
