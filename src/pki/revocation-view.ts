import type { CheckX509Signature } from '../crypto/x509-signature.ts';
import type { Certificate, SerialHex } from './certificate.ts';
import { CRL_ENTRIES_MAX, type Crl, type PackedRevocation, unpackRevocation, verifyCrl } from './crl.ts';
import type { Revocation } from './revocation-reason.ts';

/** Issuers whose lists are kept: the root and its intermediates, old and new, in a roll-over of each. */
export const REVOCATION_ISSUERS_MAX = 16;

/** Highest CRL number that is taken: a number as large as this counts nothing, it only shuts out later lists. */
export const CRL_NUMBER_MAX = 2 ** 47;

export type InstallResult =
  | {
      readonly tag: 'installed' /** Serials that were not revoked here before. */;
      readonly added: readonly SerialHex[];
    }
  | { readonly tag: 'ignored'; readonly reason: 'not-newer' }
  | { readonly tag: 'refused'; readonly reason: 'bad-signature' | 'number-out-of-range' | 'too-many-issuers' };

/** What is told to peers of each issuer's list, so that everybody sees who lags. */
export interface CrlNumber {
  readonly issuerKeyHash: string;
  readonly number: number;
}

interface IssuerLists {
  readonly number: number;
  readonly crl: Crl;
  /** Revocations of earlier lists that the newest does not repeat. */
  readonly sticky: ReadonlyMap<SerialHex, PackedRevocation>;
}

/**
 * What one node or authority knows to be revoked, per key of an issuer. The highest number wins; a revocation once seen
 * stays, whether a later list repeats it or not, and whether any list is still current: an expired list never re-admits
 * (T5). An issuer speaks for its own certificates alone, because every look-up names the issuer's key.
 */
export class RevocationView {
  readonly #issuers = new Map<string, IssuerLists>();

  /** Takes over a list that this issuer signed, if its number is higher than what is held. */
  install(crl: Crl, issuer: Certificate, checkSignature: CheckX509Signature): InstallResult {
    const held = this.#issuers.get(issuer.keyHash);
    if (crl.number >= CRL_NUMBER_MAX) return { tag: 'refused', reason: 'number-out-of-range' };
    const number = Number(crl.number);
    if (held !== undefined && number <= held.number) return { tag: 'ignored', reason: 'not-newer' };
    if (held === undefined && this.#issuers.size >= REVOCATION_ISSUERS_MAX)
      return { tag: 'refused', reason: 'too-many-issuers' };
    if (!verifyCrl(crl, issuer, checkSignature)) return { tag: 'refused', reason: 'bad-signature' };

    const added: SerialHex[] = [];
    for (const serial of crl.packedEntries().keys())
      if (held === undefined || packedOf(held, serial) === undefined) added.push(serial);
    this.#issuers.set(issuer.keyHash, { number, crl, sticky: held === undefined ? new Map() : stickyAfter(held, crl) });
    return { tag: 'installed', added };
  }

  /** Constant time. `issuerKeyHash` is {@link Certificate.keyHash} of the certificate that issued this serial number. */
  statusOf(issuerKeyHash: string, serial: SerialHex): Revocation | undefined {
    const held = this.#issuers.get(issuerKeyHash);
    const packed = held === undefined ? undefined : packedOf(held, serial);
    return packed === undefined ? undefined : unpackRevocation(serial, packed);
  }

  /** The newest list of an issuer, to be passed on. */
  crlOf(issuerKeyHash: string): Crl | undefined {
    return this.#issuers.get(issuerKeyHash)?.crl;
  }

  crls(): readonly Crl[] {
    return [...this.#issuers.values()].map(({ crl }) => crl);
  }

  crlNumbers(): readonly CrlNumber[] {
    return [...this.#issuers].map(([issuerKeyHash, { number }]) => ({ issuerKeyHash, number }));
  }
}

function packedOf({ crl, sticky }: IssuerLists, serial: SerialHex): PackedRevocation | undefined {
  return crl.packedEntries().get(serial) ?? sticky.get(serial);
}

/** What the older lists revoked and the newer does not repeat; beyond the bound those revoked first are let go. */
function stickyAfter(held: IssuerLists, newer: Crl): ReadonlyMap<SerialHex, PackedRevocation> {
  const sticky = new Map<SerialHex, PackedRevocation>();
  const now = newer.packedEntries();
  for (const list of [held.sticky, held.crl.packedEntries()])
    for (const [serial, packed] of list) if (!now.has(serial)) sticky.set(serial, packed);
  if (sticky.size <= CRL_ENTRIES_MAX) return sticky;
  return new Map([...sticky].sort(([, a], [, b]) => b - a).slice(0, CRL_ENTRIES_MAX));
}
