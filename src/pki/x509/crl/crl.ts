import { type Bytes, bytesEqual } from '../../../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../../../base/errors.ts';
import type { UnixMs } from '../../../base/time.ts';
import { type DerReader, readOnly } from '../../../codec/der-reader.ts';
import { TAG } from '../../../codec/der-tag.ts';
import { OID } from '../../../codec/oid.ts';
import type { CheckX509Signature } from '../../../crypto/signatures/x509-signature.ts';
import type { Delegations } from '../../../identity/delegate/delegations.ts';
import type { Certificate, SerialHex } from '../certificate/certificate.ts';
import {
  type CrlEntries,
  type IssuerEntries,
  type PackedRevocation,
  readEntries,
  unpackRevocation,
} from './crl-entries.ts';
import { type CrlScope, readCrlScope } from './crl-scope.ts';
import { readDelegations } from './delegations-extension.ts';
import { type DistinguishedName, isSameName, nameKey, readName } from '../name/distinguished-name.ts';
import {
  KEY_USAGE,
  type RawExtension,
  readAuthorityKeyIdentifier,
  readRawExtensions,
} from '../certificate/extensions.ts';
import type { Revocation } from './revocation-reason.ts';
import { readAlgorithm, readSignedStructure } from '../sign-structure.ts';

/** Largest CRL that is read: 200,000 revocations of ours take 9 MB. */
export const CRL_BYTES_MAX = 16 * 1024 * 1024;

/** Octets of a CRL number (RFC 5280 section 5.2.3). */
export const CRL_NUMBER_BYTES_MAX = 20;

/** A certificate revocation list (RFC 5280 section 5), read and not yet verified. */
export class Crl {
  readonly der: Bytes;
  readonly tbs: Bytes;
  readonly issuer: DistinguishedName;
  /** {@link nameKey} of its issuer. */
  readonly issuerKey: string;
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
  /** Of a delta CRL the number of the list that it says the changes of; `undefined` for a complete one. */
  readonly base: bigint | undefined;
  readonly #entries: CrlEntries;

  constructor(fields: CrlFields, entries: CrlEntries) {
    this.der = fields.der;
    this.tbs = fields.tbs;
    this.issuer = fields.issuer;
    this.issuerKey = nameKey(fields.issuer);
    this.signatureAlgorithm = fields.signatureAlgorithm;
    this.signature = fields.signature;
    this.thisUpdate = fields.thisUpdate;
    this.nextUpdate = fields.nextUpdate;
    this.number = fields.number;
    this.authorityKeyId = fields.authorityKeyId;
    this.delegations = fields.delegations;
    this.scope = fields.scope;
    this.base = fields.base;
    this.#entries = entries;
  }

  /** Entries of its own issuer. */
  get size(): number {
    return this.#entries.own.revoked.size;
  }

  /** Constant time, however long the list. @param issuerKey of the certificate, where that need not be the issuer of the list. */
  revocationOf(serial: SerialHex, issuerKey?: string): Revocation | undefined {
    const packed = this.#entriesOf(issuerKey)?.revoked.get(serial);
    return packed === undefined ? undefined : unpackRevocation(serial, packed);
  }

  /** Whether a delta CRL says that the certificate is revoked no longer. */
  isRemoved(serial: SerialHex, issuerKey?: string): boolean {
    return this.#entriesOf(issuerKey)?.removed.has(serial) === true;
  }

  /** Entries of its own issuer as they are kept, for whoever merges lists. */
  packedEntries(): ReadonlyMap<SerialHex, PackedRevocation> {
    return this.#entries.own.revoked;
  }

  *revocations(): IterableIterator<Revocation> {
    for (const [serial, packed] of this.packedEntries()) yield unpackRevocation(serial, packed);
  }

  #entriesOf(issuerKey: string | undefined): IssuerEntries | undefined {
    return issuerKey === undefined || issuerKey === this.issuerKey
      ? this.#entries.own
      : this.#entries.others.get(issuerKey);
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
  | 'base'
>;

/**
 * Takes complete, direct CRLs of version 2 that tell of every certificate of their issuer; every unknown critical extension
 * is refused (RFC 5280 section 5.2: such a list must not be used to tell what is *not* revoked).
 *
 * @param kinds whether delta CRLs, indirect ones and those for some reasons, points or kinds of certificates are taken too:
 *   whoever uses one asks {@link Crl.base} and {@link Crl.scope}, and on whose behalf it says what it says.
 * @throws ERR_CRL
 */
export function parseCrl(der: Bytes, kinds: 'any' | 'whole' = 'whole'): Crl {
  if (der.length > CRL_BYTES_MAX) throw new MeshError('ERR_CRL', `CRL is longer than ${CRL_BYTES_MAX} bytes`);
  const own = new Uint8Array(der); // what is read lives on as views of it
  try {
    return readOnly(own, (reader) => readCrl(reader, own, kinds === 'any'));
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
  return isCrlOf(crl, issuer) && maySignCrls(issuer) && isSignedWith(crl, issuer, checkSignature);
}

/** True when the key of this certificate may sign CRLs; which key a CRL names is but a hint. */
export function maySignCrls({ extensions: { keyUsage } }: Certificate): boolean {
  return keyUsage === undefined || (keyUsage & KEY_USAGE.crlSign) !== 0;
}

/** True when the key of this certificate signed it, whoever that is. */
export function isSignedWith(crl: Crl, { spki }: Certificate, checkSignature: CheckX509Signature): boolean {
  return checkSignature(crl.signatureAlgorithm, spki, crl.tbs, crl.signature);
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

function readCrl(reader: DerReader, der: Bytes, isAnyTaken: boolean): Crl {
  const { signed: tbs, body, signatureAlgorithm, signature } = readSignedStructure(reader);
  if (body.smallInteger() !== 1) throw new MeshError('ERR_CRL', 'version is not 2');
  if (!bytesEqual(readAlgorithm(body), signatureAlgorithm))
    throw new MeshError('ERR_CRL', 'the two signature algorithms differ');
  const issuer = readName(body);
  if (issuer.canonical.length === 0) throw new MeshError('ERR_CRL', 'issuer has no name');
  // 5.1.2.4: as in certificates, who reads understands either form.
  const readTime = (): UnixMs => (isAnyTaken ? body.timeOfEitherForm() : body.time());
  const thisUpdate = readTime();
  const nextUpdate = readTime();
  if (nextUpdate < thisUpdate) throw new MeshError('ERR_CRL', 'next update lies before this update');
  const list = body.peek() === TAG.sequence ? body.sequence() : undefined;
  const explicit = body.optionalContext(0);
  body.end();
  if (explicit === undefined) throw new MeshError('ERR_CRL', 'CRL without extensions');
  const extensions = readRawExtensions(explicit.sequence());
  explicit.end();
  const told = readCrlExtensions(extensions, issuer, isAnyTaken);
  const rules = {
    isIndirect: told.scope?.isIndirect === true,
    isDelta: told.base !== undefined,
    isForeign: isAnyTaken,
  };
  const entries = readEntries(list, nameKey(issuer), rules);
  return new Crl({ der, tbs, issuer, signatureAlgorithm, signature, thisUpdate, nextUpdate, ...told }, entries);
}

function readCrlExtensions(
  extensions: ReadonlyMap<string, RawExtension>,
  issuer: DistinguishedName,
  isAnyTaken: boolean,
): Pick<Crl, 'number' | 'authorityKeyId' | 'delegations' | 'scope' | 'base'> {
  let scope: CrlScope | undefined;
  let base: bigint | undefined;
  for (const { oid, isCritical, value } of extensions.values()) {
    if (oid === OID.issuingDistributionPoint) {
      if (!isCritical || !isAnyTaken)
        throw new MeshError('ERR_CRL', 'CRL for some certificates only where one for all is expected');
      scope = readOnly(value, (reader) => readCrlScope(reader, issuer));
    } else if (oid === OID.deltaCrlIndicator) {
      if (!isCritical || !isAnyTaken) throw new MeshError('ERR_CRL', 'delta CRL where a complete one is expected');
      base = readOnly(value, readCrlNumber);
    } else if (isCritical)
      throw new MeshError('ERR_CRL', `critical extension ${oid} is not known here, or must not be critical`);
  }
  const numberExtension = extensions.get(OID.crlNumber);
  if (numberExtension === undefined) throw new MeshError('ERR_CRL', 'CRL has no number');
  const keyExtension = extensions.get(OID.authorityKeyIdentifier);
  const keyId = keyExtension === undefined ? undefined : readOnly(keyExtension.value, readAuthorityKeyIdentifier).keyId;
  const delegations = extensions.get(OID.meshDelegations);
  return {
    number: readOnly(numberExtension.value, readCrlNumber),
    authorityKeyId: keyId,
    delegations: delegations === undefined ? undefined : readDelegations(delegations.value),
    scope,
    base,
  };
}

function readCrlNumber(reader: DerReader): bigint {
  const bytes = reader.integerBytes();
  if (bytes.length > CRL_NUMBER_BYTES_MAX || (bytes[0] as number) >= 0x80)
    throw new MeshError('ERR_CRL', 'CRL number is negative or longer than 20 octets');
  return BigInt(`0x${bytes.toHex()}`);
}
