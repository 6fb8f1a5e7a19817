import { type Bytes, bytesEqual } from '../../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../../base/errors.ts';
import { type UnixMs, unixMsFromSeconds, unixSeconds } from '../../base/time.ts';
import { type DerReader, readOnly, TAG } from '../../codec/der-reader.ts';
import { OID } from '../../codec/oid.ts';
import type { CheckX509Signature } from '../../crypto/x509-signature.ts';
import { type Certificate, readSerial, type SerialHex, serialOf } from './certificate.ts';
import type { Delegations } from '../../identity/delegate/delegations.ts';
import { type CrlScope, readCrlScope } from './crl-scope.ts';
import { readDelegations } from './delegations-extension.ts';
import { type DistinguishedName, isSameName, readName } from './distinguished-name.ts';
import { KEY_USAGE, type RawExtension, readAuthorityKeyIdentifier, readRawExtensions } from './extensions.ts';
import { numberOfReason, type Revocation, type RevocationReason, reasonOfNumber } from './revocation-reason.ts';
import { readAlgorithm, readSignedStructure } from './sign-structure.ts';

/** Largest CRL that is read: {@link CRL_ENTRIES_MAX} revocations of ours take 9 MB. */
export const CRL_BYTES_MAX = 16 * 1024 * 1024;

/** Revocations of one CRL: 200,000 × ~100 B of memory = 20 MB. A mesh of 10,000 nodes revoking each daily keeps 160,000. */
export const CRL_ENTRIES_MAX = 200_000;

/** Octets of a CRL number (RFC 5280 section 5.2.3). */
export const CRL_NUMBER_BYTES_MAX = 20;

const REASON_SPAN = 16;

/** Revocation date and reason of an entry in one number, so that a list of 100,000 is one map of small values. */
export type PackedRevocation = number;

/** Time, to the second, and reason as one number: a list of a million is kept without an object an entry. */
export function packRevocation(revokedAt: UnixMs, reason: RevocationReason): PackedRevocation {
  return unixSeconds(revokedAt) * REASON_SPAN + numberOfReason(reason);
}

/** What {@link packRevocation} packed. */
export function unpackRevocation(serial: SerialHex, packed: PackedRevocation): Revocation {
  const seconds = Math.floor(packed / REASON_SPAN);
  return {
    serial,
    revokedAt: unixMsFromSeconds(seconds),
    reason: reasonOfNumber(packed - seconds * REASON_SPAN) ?? 'unspecified',
  };
}

/** A complete certificate revocation list (RFC 5280 section 5), read and not yet verified. */
export class Crl {
  readonly der: Bytes;
  readonly tbs: Bytes;
  readonly issuer: DistinguishedName;
  /** AlgorithmIdentifier, DER. */
  readonly signatureAlgorithm: Bytes;
  readonly signature: Bytes;
  readonly thisUpdate: UnixMs;
  readonly nextUpdate: UnixMs;
  readonly number: bigint;
  /** Subject key identifier of the issuer, lower-case hex. */
  readonly authorityKeyId: string | undefined;
  /** What its issuer publishes of delegates; `undefined` where the list says nothing of them. */
  readonly delegations: Delegations | undefined;
  /** Which certificates it speaks of; `undefined` for all of its issuer. */
  readonly scope: CrlScope | undefined;
  readonly #entries: ReadonlyMap<SerialHex, PackedRevocation>;

  constructor(fields: CrlFields, entries: ReadonlyMap<SerialHex, PackedRevocation>) {
    this.der = fields.der;
    this.tbs = fields.tbs;
    this.issuer = fields.issuer;
    this.signatureAlgorithm = fields.signatureAlgorithm;
    this.signature = fields.signature;
    this.thisUpdate = fields.thisUpdate;
    this.nextUpdate = fields.nextUpdate;
    this.number = fields.number;
    this.authorityKeyId = fields.authorityKeyId;
    this.delegations = fields.delegations;
    this.scope = fields.scope;
    this.#entries = entries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Constant time, however long the list. */
  revocationOf(serial: SerialHex): Revocation | undefined {
    const packed = this.#entries.get(serial);
    return packed === undefined ? undefined : unpackRevocation(serial, packed);
  }

  /** Entries as they are kept, for whoever merges lists. */
  packedEntries(): ReadonlyMap<SerialHex, PackedRevocation> {
    return this.#entries;
  }

  *revocations(): IterableIterator<Revocation> {
    for (const [serial, packed] of this.#entries) yield unpackRevocation(serial, packed);
  }
}

export type CrlFields = Pick<
  Crl,
  | 'der'
  | 'tbs'
  | 'issuer'
  | 'signatureAlgorithm'
  | 'signature'
  | 'thisUpdate'
  | 'nextUpdate'
  | 'number'
  | 'authorityKeyId'
  | 'delegations'
  | 'scope'
>;

/**
 * Takes complete, direct CRLs of version 2 only: a delta CRL, an indirect one, one for some reasons or points, and every
 * unknown critical extension is refused (RFC 5280 section 5.2: such a list must not be used to tell what is *not* revoked).
 *
 * @param scoped whether one for some reasons, points or kinds of certificates is taken: whoever uses it asks its scope.
 * @throws ERR_CRL
 */
export function parseCrl(der: Bytes, scoped: 'scoped' | 'whole' = 'whole'): Crl {
  if (der.length > CRL_BYTES_MAX) throw new MeshError('ERR_CRL', `CRL is longer than ${CRL_BYTES_MAX} bytes`);
  const own = new Uint8Array(der); // what is read lives on as views of it
  try {
    return readOnly(own, (reader) => readCrl(reader, own, scoped === 'scoped'));
  } catch (error) {
    if (!isMeshError(error)) throw error;
    throw new MeshError('ERR_CRL', `CRL is malformed: ${messageOf(error)}`, undefined, { cause: error });
  }
}

/** True when the CRL names this certificate's subject, and its key where it names one. */
export function isCrlOf(crl: Crl, issuer: Certificate): boolean {
  const keyId = issuer.extensions.subjectKeyIdentifier;
  const isKeyNamed = crl.authorityKeyId === undefined || keyId === undefined || crl.authorityKeyId === keyId;
  return isKeyNamed && isSameName(crl.issuer, issuer.subject);
}

/** True when the CRL is of this issuer, who may sign CRLs, and whose signature holds (RFC 5280 section 6.3.3 f and g). */
export function verifyCrl(crl: Crl, issuer: Certificate, checkSignature: CheckX509Signature): boolean {
  return isCrlOf(crl, issuer) && isSignedCrlOf(crl, issuer, checkSignature);
}

/** As {@link verifyCrl}, whatever key the CRL names: the identifier is but a hint. */
export function isSignedCrlOf(crl: Crl, issuer: Certificate, checkSignature: CheckX509Signature): boolean {
  const { keyUsage } = issuer.extensions;
  if (!isSameName(crl.issuer, issuer.subject) || (keyUsage !== undefined && (keyUsage & KEY_USAGE.crlSign) === 0))
    return false;
  return checkSignature(crl.signatureAlgorithm, issuer.spki, crl.tbs, crl.signature);
}

/**
 * Whether this issuer's key signed these bytes, whatever they say: of a list of many megabytes that is told in a fiftieth
 * of the time that it takes to read it. What passes is still to be read and verified.
 */
export function isSealedBy(der: Bytes, issuer: Certificate, checkSignature: CheckX509Signature): boolean {
  if (der.length > CRL_BYTES_MAX) return false;
  try {
    return readOnly(der, (reader) => {
      const { signed, signatureAlgorithm, signature } = readSignedStructure(reader);
      return checkSignature(signatureAlgorithm, issuer.spki, signed, signature);
    });
  } catch (error) {
    if (!isMeshError(error)) throw error;
    return false;
  }
}

function readCrl(reader: DerReader, der: Bytes, isScopeTaken: boolean): Crl {
  const { signed: tbs, body, signatureAlgorithm, signature } = readSignedStructure(reader);
  if (body.smallInteger() !== 1) throw new MeshError('ERR_CRL', 'version is not 2');
  if (!bytesEqual(readAlgorithm(body), signatureAlgorithm))
    throw new MeshError('ERR_CRL', 'the two signature algorithms differ');
  const issuer = readName(body);
  if (issuer.canonical.length === 0) throw new MeshError('ERR_CRL', 'issuer has no name');
  const thisUpdate = body.time();
  const nextUpdate = body.time();
  if (nextUpdate < thisUpdate) throw new MeshError('ERR_CRL', 'next update lies before this update');
  const entries =
    body.peek() === TAG.sequence ? readEntries(body.sequence(), isScopeTaken) : new Map<SerialHex, PackedRevocation>();
  const explicit = body.optionalContext(0);
  body.end();
  if (explicit === undefined) throw new MeshError('ERR_CRL', 'CRL without extensions');
  const extensions = readRawExtensions(explicit.sequence());
  explicit.end();
  const told = readCrlExtensions(extensions, isScopeTaken);
  return new Crl({ der, tbs, issuer, signatureAlgorithm, signature, thisUpdate, nextUpdate, ...told }, entries);
}

function readCrlExtensions(
  extensions: ReadonlyMap<string, RawExtension>,
  isScopeTaken: boolean,
): Pick<Crl, 'number' | 'authorityKeyId' | 'delegations' | 'scope'> {
  let scope: CrlScope | undefined;
  for (const { oid, isCritical, value } of extensions.values()) {
    if (oid === OID.issuingDistributionPoint) {
      if (!isCritical || !isScopeTaken)
        throw new MeshError('ERR_CRL', 'CRL for some certificates only where one for all is expected');
      scope = readOnly(value, readCrlScope);
      continue;
    }
    if (oid === OID.deltaCrlIndicator) throw new MeshError('ERR_CRL', 'delta CRL where a complete one is expected');
    if (isCritical)
      throw new MeshError('ERR_CRL', `critical extension ${oid} is not known here, or must not be critical`);
  }
  const numberExtension = extensions.get(OID.crlNumber);
  if (numberExtension === undefined) throw new MeshError('ERR_CRL', 'CRL has no number');
  const bytes = readOnly(numberExtension.value, (reader) => reader.integerBytes());
  if (bytes.length > CRL_NUMBER_BYTES_MAX || (bytes[0] as number) >= 0x80)
    throw new MeshError('ERR_CRL', 'CRL number is negative or longer than 20 octets');
  const keyExtension = extensions.get(OID.authorityKeyIdentifier);
  const keyId = keyExtension === undefined ? undefined : readOnly(keyExtension.value, readAuthorityKeyIdentifier).keyId;
  const delegations = extensions.get(OID.meshDelegations);
  return {
    number: BigInt(`0x${bytes.toHex()}`),
    authorityKeyId: keyId,
    delegations: delegations === undefined ? undefined : readDelegations(delegations.value),
    scope,
  };
}

function readEntries(list: DerReader, isForeign: boolean): ReadonlyMap<SerialHex, PackedRevocation> {
  const entries = new Map<SerialHex, PackedRevocation>();
  if (list.isAtEnd) throw new MeshError('ERR_CRL', 'list of revocations is empty instead of absent');
  const reasons = new ReasonReader();
  while (!list.isAtEnd) {
    const entry = list.sequence();
    // 4.1.2.2: others' lists may hold numbers that no certificate taken here has.
    const serial = isForeign ? readAnySerial(entry) : readSerial(entry);
    const revokedAt = entry.time();
    let reason: RevocationReason = 'unspecified';
    if (!entry.isAtEnd) {
      reason = reasons.read(entry.raw());
      entry.end();
    }
    const before = entries.size;
    if (before >= CRL_ENTRIES_MAX) throw new MeshError('ERR_CRL', `more than ${CRL_ENTRIES_MAX} revocations`);
    entries.set(serial, packRevocation(revokedAt, reason));
    if (entries.size === before) throw new MeshError('ERR_CRL', `serial number ${serial} stands twice`);
  }
  return entries;
}

/** As {@link readSerial}, and negative ones with a sign, so that they are nobody else's. */
function readAnySerial(entry: DerReader): SerialHex {
  const octets = entry.integerBytes();
  return (octets[0] as number) >= 0x80 ? `-${octets.toHex()}` : serialOf(octets);
}

/** Different extensions of entries that are kept for comparison, of the nine reasons that there are. @tuning */
const KNOWN_REASONS_MAX = 16;

/** Reads the extensions of entries. Long lists repeat few: equal bytes are read once. */
class ReasonReader {
  readonly #known: { readonly raw: Bytes; readonly reason: RevocationReason }[] = [];

  read(raw: Bytes): RevocationReason {
    for (const known of this.#known) if (bytesEqual(known.raw, raw)) return known.reason;
    const reason = readOnly(raw, readReason);
    if (this.#known.length < KNOWN_REASONS_MAX) this.#known.push({ raw, reason });
    return reason;
  }
}

function readReason(entry: DerReader): RevocationReason {
  let reason: RevocationReason | undefined = 'unspecified';
  for (const { oid, isCritical, value } of readRawExtensions(entry.sequence()).values()) {
    if (oid === OID.crlReason)
      reason = reasonOfNumber(readOnly(value, (reader) => reader.smallInteger(TAG.enumerated)));
    else if (isCritical) throw new MeshError('ERR_CRL', `critical entry extension ${oid} is not known here`);
  }
  if (reason === undefined) throw new MeshError('ERR_CRL', 'reason code does not exist in a complete CRL');
  return reason;
}
