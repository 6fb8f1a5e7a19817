import { OID } from '../../codec/oid.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';
import { isEmptyName } from '../x509/name/distinguished-name.ts';
import { isDnsPattern, splitMailbox } from '../x509/name/dns-name.ts';
import { KEY_USAGE } from '../x509/certificate/extensions.ts';
import type { GeneralName } from '../x509/name/general-name.ts';
import { isUri } from '../x509/name/uri.ts';
import { describe, type PathRefusal, refusal } from './path-result.ts';

/** Extensions that section 4.2 wants never critical, with their names. */
const NEVER_CRITICAL: readonly (readonly [string, string])[] = [
  [OID.authorityKeyIdentifier, 'authority key identifier'],
  [OID.subjectKeyIdentifier, 'subject key identifier'],
  [OID.authorityInfoAccess, 'authority information access'],
  [OID.subjectInfoAccess, 'subject information access'],
  [OID.subjectDirectoryAttributes, 'subject directory attributes'],
  [OID.freshestCrl, 'freshest CRL'],
];

/** Extensions that section 4.2 wants always critical. */
const ALWAYS_CRITICAL: readonly (readonly [string, string])[] = [
  [OID.nameConstraints, 'name constraints'],
  [OID.inhibitAnyPolicy, 'inhibit anyPolicy'],
];

/**
 * What RFC 5280 section 4 demands of a certificate wherever it stands in a path. A certificate that breaks one of
 * these comes from an issuer that does not check what it signs, so nothing else in it is believed.
 *
 * @returns the first rule broken, or `undefined`.
 */
export function judgeConformance(certificate: Certificate, isAnchor: boolean, depth: number): PathRefusal | undefined {
  const { extensions } = certificate;
  const broken = (rule: string): PathRefusal =>
    refusal('ERR_PATH_EXTENSION', `${describe(certificate)}: ${rule}`, depth);

  // 4.2: what is critical and not understood makes the certificate unusable.
  const [unknown] = extensions.unknownCritical;
  if (unknown !== undefined) return broken(`critical extension ${unknown} is not known here`);
  for (const [oid, name] of NEVER_CRITICAL)
    if (extensions.raw.get(oid)?.isCritical === true) return broken(`${name} is critical`);
  for (const [oid, name] of ALWAYS_CRITICAL)
    if (extensions.raw.get(oid)?.isCritical === false) return broken(`${name} is not critical`);
  // 4.2.1.11 wants these critical too, where RFC 3280 left it open: issuers of that time name their policies beside them.
  if (
    extensions.raw.get(OID.policyConstraints)?.isCritical === false &&
    !(certificate.isCa && extensions.certificatePolicies !== undefined)
  )
    return broken('policy constraints are not critical, and there are no policies');

  // 4.1.2.4 and 4.1.2.6: somebody issued it, and it speaks for somebody.
  if (isEmptyName(certificate.issuer)) return broken('issuer has no name');
  if (isEmptyName(certificate.subject)) {
    if (certificate.isCa) return broken('CA has no name');
    if (extensions.raw.get(OID.subjectAltName)?.isCritical !== true)
      return broken('without a subject, and its alternative names are not critical');
  }

  // 4.2.1.1 and 4.2.1.2: keys are found by their identifiers; only a self-signed certificate needs no authority's.
  if (extensions.authorityKeyIdentifier?.keyId === undefined && !(isAnchor && certificate.isSelfIssued))
    return broken('authority key identifier is missing');

  // 4.2.1.3 and 4.2.1.9: CA, key usage and what only a CA may carry agree. A CA without key usage may do everything
  // (6.1.4 n, 6.3.3 f), and basic constraints hold whether critical or not; but who is trusted from the outset shall be sound.
  const mayCertify = ((extensions.keyUsage ?? 0) & KEY_USAGE.keyCertSign) !== 0;
  if (certificate.isCa) {
    if (extensions.subjectKeyIdentifier === undefined) return broken('CA without a subject key identifier');
    if (isAnchor && extensions.raw.get(OID.basicConstraints)?.isCritical !== true)
      return broken('basic constraints of an anchor are not critical');
    if (extensions.keyUsage !== undefined && !mayCertify && extensions.basicConstraints?.pathLenMax !== undefined)
      return broken('path length constraint without keyCertSign');
  } else {
    if (mayCertify) return broken('keyCertSign without CA');
    if (extensions.nameConstraints !== undefined) return broken('name constraints without CA');
  }

  // 4.2.1.5: no policy is mapped to or from anyPolicy.
  if (
    extensions.policyMappings?.some(
      ({ issuerDomain, subjectDomain }) => issuerDomain === OID.anyPolicy || subjectDomain === OID.anyPolicy,
    ) === true
  )
    return broken('anyPolicy is mapped');

  for (const name of extensions.subjectAltName ?? []) {
    const rule = misshapen(name);
    if (rule !== undefined) return broken(rule);
  }
  return undefined;
}

/** 4.2.1.6: the syntax of each form of alternative name. */
function misshapen(name: GeneralName): string | undefined {
  switch (name.tag) {
    case 'dns':
      return isDnsPattern(name.value) ? undefined : 'alternative DNS name is not in the preferred syntax';
    case 'email':
      return splitMailbox(name.value) === undefined ? 'alternative email name is not a mailbox' : undefined;
    case 'uri':
      return isUri(name.value) ? undefined : 'alternative URI is not absolute or not one of RFC 3986';
    case 'ip':
      return name.octets.length === 4 || name.octets.length === 16
        ? undefined
        : 'alternative IP address has neither 4 nor 16 octets';
    case 'directory':
      return isEmptyName(name.name) ? 'alternative directory name is empty' : undefined;
    default:
      return undefined;
  }
}
