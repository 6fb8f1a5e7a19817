import type { Bytes } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import { type DerReader, readOnly } from '../../../codec/der-reader.ts';
import { contextTag, TAG } from '../../../codec/der-tag.ts';
import { OID } from '../../../codec/oid.ts';
import { type DistributionPoint, readDistributionPoints } from './distribution-points.ts';
import { readCount, readList, refuse } from './extension-parts.ts';
import { type GeneralName, readGeneralName, readGeneralNames } from '../name/general-name.ts';
import {
  type PolicyConstraints,
  type PolicyMapping,
  readPolicies,
  readPolicyConstraints,
  readPolicyMappings,
} from './policy-extensions.ts';

/** Extensions of one certificate or CRL. Those in use have up to a dozen. */
export const EXTENSIONS_MAX = 64;

/** Bits of the key usage extension (RFC 5280 section 4.2.1.3), as {@link DerReader.namedBits} gives them. */
export const KEY_USAGE = {
  digitalSignature: 1 << 0,
  nonRepudiation: 1 << 1,
  keyEncipherment: 1 << 2,
  dataEncipherment: 1 << 3,
  keyAgreement: 1 << 4,
  keyCertSign: 1 << 5,
  crlSign: 1 << 6,
  encipherOnly: 1 << 7,
  decipherOnly: 1 << 8,
} as const;

export interface BasicConstraints {
  readonly isCa: boolean;
  readonly pathLenMax: number | undefined;
}

export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

export interface AuthorityKeyIdentifier {
  /** Lower-case hex. */
  readonly keyId: string | undefined;
}

/** An extension as it stands in the certificate. */
export interface RawExtension {
  readonly oid: string;
  readonly isCritical: boolean;
  readonly value: Bytes;
}

/** What a certificate says beyond its basic fields (RFC 5280 section 4.2), each extension read whole and checked for shape. */
export interface Extensions {
  readonly raw: ReadonlyMap<string, RawExtension>;
  readonly basicConstraints: BasicConstraints | undefined;
  /** Bits of {@link KEY_USAGE}. */
  readonly keyUsage: number | undefined;
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly subjectAltName: readonly GeneralName[] | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  readonly crlDistributionPoints: readonly DistributionPoint[] | undefined;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  /** Lower-case hex. */
  readonly subjectKeyIdentifier: string | undefined;
  readonly certificatePolicies: readonly string[] | undefined;
  readonly policyMappings: readonly PolicyMapping[] | undefined;
  readonly policyConstraints: PolicyConstraints | undefined;
  readonly inhibitAnyPolicy: number | undefined;
  /** Critical extensions that this program does not process: the certificate is unusable (RFC 5280 section 4.2). */
  readonly unknownCritical: readonly string[];
}

/** Extensions whose criticality is understood: those above, and those that only say where to look. */
const PROCESSED: ReadonlySet<string> = new Set([
  OID.basicConstraints,
  OID.keyUsage,
  OID.extendedKeyUsage,
  OID.subjectAltName,
  OID.nameConstraints,
  OID.authorityKeyIdentifier,
  OID.subjectKeyIdentifier,
  OID.certificatePolicies,
  OID.policyMappings,
  OID.policyConstraints,
  OID.inhibitAnyPolicy,
  OID.issuerAltName,
  OID.crlDistributionPoints,
  OID.authorityInfoAccess,
  OID.subjectInfoAccess,
]);

export const NO_EXTENSIONS: Extensions = parseExtensions(new Map());

/**
 * `Extensions ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE { oid, critical DEFAULT FALSE, OCTET STRING }`, of certificates
 * and CRLs alike; no extension twice (RFC 5280 section 4.2).
 */
export function readRawExtensions(list: DerReader): ReadonlyMap<string, RawExtension> {
  const raw = new Map<string, RawExtension>();
  if (list.isAtEnd) throw new MeshError('ERR_DER', 'list of extensions is empty');
  while (!list.isAtEnd) {
    const extension = list.sequence();
    const oid = extension.oid();
    const isCritical = extension.defaultFalse();
    const value = extension.octetString();
    extension.end();
    if (raw.has(oid)) throw new MeshError('ERR_DER', `extension ${oid} stands twice`);
    if (raw.size >= EXTENSIONS_MAX) throw new MeshError('ERR_DER', `more than ${EXTENSIONS_MAX} extensions`);
    raw.set(oid, { oid, isCritical, value });
  }
  return raw;
}

/** @throws ERR_DER and ERR_CERTIFICATE where a known extension does not have its shape. */
export function parseExtensions(raw: ReadonlyMap<string, RawExtension>): Extensions {
  const read = <T>(oid: string, parse: (reader: DerReader, isCritical: boolean) => T): T | undefined => {
    const extension = raw.get(oid);
    return extension === undefined
      ? undefined
      : readOnly(extension.value, (reader) => parse(reader, extension.isCritical));
  };
  // These say nothing that a path is judged by, but a malformed one shows a broken issuer.
  read(OID.issuerAltName, (reader) => readGeneralNames(reader.sequence()));
  read(OID.authorityInfoAccess, readAccessDescriptions);
  read(OID.subjectInfoAccess, readAccessDescriptions);
  read(OID.freshestCrl, readDistributionPoints);
  read(OID.subjectDirectoryAttributes, readDirectoryAttributes);
  return {
    raw,
    basicConstraints: read(OID.basicConstraints, readBasicConstraints),
    keyUsage: read(OID.keyUsage, readKeyUsage),
    extendedKeyUsage: read(OID.extendedKeyUsage, (reader) => readList(reader.sequence(), (list) => list.oid())),
    subjectAltName: read(OID.subjectAltName, (reader) => readGeneralNames(reader.sequence())),
    nameConstraints: read(OID.nameConstraints, readNameConstraints),
    crlDistributionPoints: read(OID.crlDistributionPoints, readDistributionPoints),
    authorityKeyIdentifier: read(OID.authorityKeyIdentifier, readAuthorityKeyIdentifier),
    subjectKeyIdentifier: read(OID.subjectKeyIdentifier, (reader) => reader.octetString().toHex()),
    certificatePolicies: read(OID.certificatePolicies, readPolicies),
    policyMappings: read(OID.policyMappings, readPolicyMappings),
    policyConstraints: read(OID.policyConstraints, readPolicyConstraints),
    inhibitAnyPolicy: read(OID.inhibitAnyPolicy, (reader) => readCount(reader)),
    unknownCritical: [...raw.values()]
      .filter(({ oid, isCritical }) => isCritical && !PROCESSED.has(oid))
      .map(({ oid }) => oid),
  };
}

export function readAuthorityKeyIdentifier(reader: DerReader): AuthorityKeyIdentifier {
  const body = reader.sequence();
  const hasKeyId = body.peek() === contextTag(0, 'primitive');
  const keyId = hasKeyId ? body.content(contextTag(0, 'primitive')).toHex() : undefined;
  const hasIssuer = body.peek() === contextTag(1, 'constructed');
  if (hasIssuer) readGeneralNames(body.nested(contextTag(1, 'constructed')));
  const hasSerial = body.peek() === contextTag(2, 'primitive');
  if (hasSerial) body.integerBytes(contextTag(2, 'primitive'));
  body.end();
  if (hasIssuer !== hasSerial) refuse('authority key identifier has an issuer or a serial number alone');
  return { keyId };
}

/** `SubjectDirectoryAttributes` (RFC 5280 section 4.2.1.8). */
function readDirectoryAttributes(reader: DerReader): void {
  readList(reader.sequence(), (list) => {
    const attribute = list.sequence();
    attribute.oid();
    readList(attribute.nested(TAG.set), (values) => values.raw());
    attribute.end();
  });
}

function readBasicConstraints(reader: DerReader): BasicConstraints {
  const body = reader.sequence();
  const isCa = body.defaultFalse();
  const pathLenMax = body.isAtEnd ? undefined : readCount(body);
  body.end();
  if (pathLenMax !== undefined && !isCa) refuse('path length constraint without CA');
  return { isCa, pathLenMax };
}

function readKeyUsage(reader: DerReader): number {
  const bits = reader.namedBits();
  if (bits === 0) refuse('key usage permits nothing');
  return bits;
}

function readNameConstraints(reader: DerReader): NameConstraints {
  const body = reader.sequence();
  const permitted = body.optionalContext(0);
  const excluded = body.optionalContext(1);
  body.end();
  if (permitted === undefined && excluded === undefined) refuse('name constraints are empty');
  return {
    permitted: permitted === undefined ? [] : readList(permitted, readSubtree),
    excluded: excluded === undefined ? [] : readList(excluded, readSubtree),
  };
}

/** `GeneralSubtree`; minimum and maximum are not used in this profile (RFC 5280 section 4.2.1.10). */
function readSubtree(list: DerReader): GeneralName {
  const subtree = list.sequence();
  const base = readGeneralName(subtree);
  if (!subtree.isAtEnd) refuse('name constraint with a minimum or maximum');
  return base;
}

function readAccessDescriptions(reader: DerReader): void {
  readList(reader.sequence(), (list) => {
    const description = list.sequence();
    description.oid();
    readGeneralName(description);
    description.end();
  });
}
