import { type Bytes, bytesEqual } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import { type UnixMs, unixMsFromSeconds, unixSeconds } from '../../../base/time.ts';
import { type DerReader, readOnly } from '../../../codec/der-reader.ts';
import { TAG } from '../../../codec/der-tag.ts';
import { OID } from '../../../codec/oid.ts';
import { readSerial, type SerialHex, serialOf } from '../certificate/certificate.ts';
import { nameKey } from '../name/distinguished-name.ts';
import { readRawExtensions } from '../certificate/extensions.ts';
import { readGeneralNames } from '../name/general-name.ts';
import { numberOfReason, type Revocation, type RevocationReason, reasonOfNumber } from './revocation-reason.ts';

/** Revocations of one CRL: 200,000 × ~100 B of memory = 20 MB. A mesh of 10,000 nodes revoking each daily keeps 160,000. */
export const CRL_ENTRIES_MAX = 200_000;

/** Issuers beside its own that an indirect CRL speaks for: a table each. Those in use speak for a few. */
export const CRL_ISSUERS_MAX = 1_000;

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

/** What a list says of the certificates of one issuer. */
export interface IssuerEntries {
  readonly revoked: Map<SerialHex, PackedRevocation>;
  /** In a delta CRL: no longer revoked. */
  readonly removed: Set<SerialHex>;
}

export interface CrlEntries {
  /** Of the issuer of the list. */
  readonly own: IssuerEntries;
  /** In an indirect CRL: of others, by {@link nameKey}. */
  readonly others: ReadonlyMap<string, IssuerEntries>;
}

/** What the extensions of a list allow its entries to be. */
export interface EntryRules {
  readonly isIndirect: boolean;
  readonly isDelta: boolean;
  /** Whether numbers are read that no certificate taken here has, and times in either form. */
  readonly isForeign: boolean;
}

/** @param list `undefined` where the CRL has none: nothing is revoked. */
export function readEntries(list: DerReader | undefined, ownKey: string, rules: EntryRules): CrlEntries {
  const own = noEntries();
  const others = new Map<string, IssuerEntries>();
  if (list === undefined) return { own, others };
  if (list.isAtEnd) throw new MeshError('ERR_CRL', 'list of revocations is empty instead of absent');
  const extensions = new EntryReader();
  let of = own;
  let count = 0;
  while (!list.isAtEnd) {
    count += 1;
    if (count > CRL_ENTRIES_MAX) throw new MeshError('ERR_CRL', `more than ${CRL_ENTRIES_MAX} revocations`);
    const entry = list.sequence();
    // 4.1.2.2: others' lists may hold numbers that no certificate taken here has.
    const serial = rules.isForeign ? readAnySerial(entry) : readSerial(entry);
    const revokedAt = rules.isForeign ? entry.timeOfEitherForm() : entry.time();
    let told = NOTHING_TOLD;
    if (!entry.isAtEnd) {
      told = extensions.read(entry.raw(), rules);
      entry.end();
    }
    // 5.3.3: an issuer that is named holds for what follows, too.
    if (told.issuer !== undefined) of = told.issuer === ownKey ? own : entriesOf(others, told.issuer);
    const before = of.revoked.size + of.removed.size;
    if (told.reason === 'removeFromCRL') of.removed.add(serial);
    else of.revoked.set(serial, packRevocation(revokedAt, told.reason));
    const isNew = of.revoked.size + of.removed.size > before;
    if (!isNew || (rules.isDelta && of.revoked.has(serial) && of.removed.has(serial)))
      throw new MeshError('ERR_CRL', `serial number ${serial} stands twice`);
  }
  return { own, others };
}

function noEntries(): IssuerEntries {
  return { revoked: new Map(), removed: new Set() };
}

function entriesOf(others: Map<string, IssuerEntries>, issuer: string): IssuerEntries {
  let entries = others.get(issuer);
  if (entries === undefined) {
    if (others.size >= CRL_ISSUERS_MAX)
      throw new MeshError('ERR_CRL', `indirect CRL of more than ${CRL_ISSUERS_MAX} issuers`);
    others.set(issuer, (entries = noEntries()));
  }
  return entries;
}

/** As {@link readSerial}, and negative ones with a sign, so that they are nobody else's. */
function readAnySerial(entry: DerReader): SerialHex {
  const octets = entry.integerBytes();
  return (octets[0] as number) >= 0x80 ? `-${octets.toHex()}` : serialOf(octets);
}

/** What the extensions of an entry say. */
interface Told {
  readonly reason: RevocationReason | 'removeFromCRL';
  /** {@link nameKey} of who issued the certificate, where it is named. */
  readonly issuer: string | undefined;
}

const NOTHING_TOLD: Told = { reason: 'unspecified', issuer: undefined };

/** Different extensions of entries that are kept for comparison, of the nine reasons that there are. @tuning */
const KNOWN_TOLD_MAX = 16;

/** Reads the extensions of entries. Long lists repeat few: equal bytes are read once. */
class EntryReader {
  readonly #known: { readonly raw: Bytes; readonly told: Told }[] = [];

  read(raw: Bytes, rules: EntryRules): Told {
    for (const known of this.#known) if (bytesEqual(known.raw, raw)) return known.told;
    const told = readOnly(raw, (reader) => readTold(reader, rules));
    if (this.#known.length < KNOWN_TOLD_MAX) this.#known.push({ raw, told });
    return told;
  }
}

/** `removeFromCRL` (RFC 5280 section 5.3.1). */
const REMOVED = 8;

function readTold(entry: DerReader, { isIndirect, isDelta }: EntryRules): Told {
  let { reason, issuer } = NOTHING_TOLD;
  for (const { oid, isCritical, value } of readRawExtensions(entry.sequence()).values()) {
    if (oid === OID.crlReason) {
      const number = readOnly(value, (reader) => reader.smallInteger(TAG.enumerated));
      const found = number === REMOVED && isDelta ? 'removeFromCRL' : reasonOfNumber(number);
      if (found === undefined)
        throw new MeshError('ERR_CRL', `reason code ${number} does not exist in this kind of CRL`);
      reason = found;
    } else if (oid === OID.certificateIssuer) {
      if (!isCritical || !isIndirect)
        throw new MeshError('ERR_CRL', 'issuer of a revoked certificate in a CRL of one issuer, or not critical');
      issuer = readOnly(value, readIssuer);
    } else if (isCritical) throw new MeshError('ERR_CRL', `critical entry extension ${oid} is not known here`);
  }
  return { reason, issuer };
}

/** `CertificateIssuer` (RFC 5280 section 5.3.3). Certificates without a distinguished name of their issuer are not taken here. */
function readIssuer(reader: DerReader): string {
  const [name, ...rest] = readGeneralNames(reader.sequence()).flatMap((one) =>
    one.tag === 'directory' ? [one.name] : [],
  );
  if (name === undefined || rest.length > 0)
    throw new MeshError('ERR_CRL', 'issuer of a revoked certificate has no distinguished name, or several');
  return nameKey(name);
}
