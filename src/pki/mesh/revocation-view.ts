import type { CheckX509Signature } from '../../crypto/signatures/x509-signature.ts';
import type { Certificate, SerialHex } from '../x509/certificate/certificate.ts';
import { type Crl, verifyCrl } from '../x509/crl/crl.ts';
import { CRL_ENTRIES_MAX, type PackedRevocation, packRevocation, unpackRevocation } from '../x509/crl/crl-entries.ts';
import { isStricter, type Revocation } from '../x509/crl/revocation-reason.ts';

/** Issuers whose lists are kept: the root and its intermediates, old and new, in a roll-over of each. */
export const REVOCATION_ISSUERS_MAX = 16;

/** Highest CRL number that is taken: a number as large as this counts nothing, it only shuts out later lists. */
export const CRL_NUMBER_MAX = 2 ** 47;

export type InstallResult =
  | {
      readonly tag: 'installed';
      /** Serials that were not revoked here before. */
      readonly added: readonly SerialHex[];
      /** Revocations of the list before that this one does not repeat, or not as strictly. They stay. */
      readonly dropped: readonly Revocation[];
      /** Serials that stayed until now and are let go, because {@link CRL_ENTRIES_MAX} revoked later stay. */
      readonly forgotten: readonly SerialHex[];
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
  /** Absent while only revocations that stay are known: see {@link RevocationView.keep}. */
  readonly crl: Crl | undefined;
  /** Revocations of earlier lists that the newest does not repeat, or not as strictly. */
  readonly sticky: Map<SerialHex, PackedRevocation>;
}

/**
 * What one node or authority knows to be revoked, per key of an issuer. The highest number wins; a revocation once seen
 * stays as strict as it was, whether a later list repeats it, softens its reason or leaves it out, and whether any list
 * is still current: an expired list never re-admits (T5). An issuer speaks for its own certificates alone, because every look-up names the issuer's key.
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
    const entries = crl.packedEntries();
    for (const serial of entries.keys())
      if (held === undefined || packedOf(held, serial) === undefined) added.push(serial);
    const dropped: Revocation[] = [];
    const sticky = new Map(held?.sticky);
    for (const [serial, packed] of held?.crl?.packedEntries() ?? []) {
      const said = stricter(serial, entries.get(serial), sticky.get(serial));
      if (said !== undefined && stricter(serial, said, packed) === said) continue;
      dropped.push(unpackRevocation(serial, packed));
      sticky.set(serial, packed);
    }
    const forgotten = forgetBeyondBound(sticky);
    this.#issuers.set(issuer.keyHash, { number, crl, sticky });
    return { tag: 'installed', added, dropped, forgotten };
  }

  /**
   * Takes back a revocation that was known before a restart and that the newest list may not repeat.
   * @returns false where more issuers are known than may be.
   */
  keep(issuerKeyHash: string, { serial, revokedAt, reason }: Revocation): boolean {
    let held = this.#issuers.get(issuerKeyHash);
    if (held === undefined) {
      if (this.#issuers.size >= REVOCATION_ISSUERS_MAX) return false;
      held = { number: -1, crl: undefined, sticky: new Map() };
      this.#issuers.set(issuerKeyHash, held);
    }
    const packed = packRevocation(revokedAt, reason);
    held.sticky.set(serial, stricter(serial, held.sticky.get(serial), packed) ?? packed);
    if (held.sticky.size > CRL_ENTRIES_MAX) forgetBeyondBound(held.sticky);
    return true;
  }

  /** Lets go of a revocation that stayed. What the newest list says is not touched. */
  forget(issuerKeyHash: string, serial: SerialHex): void {
    this.#issuers.get(issuerKeyHash)?.sticky.delete(serial);
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
    return [...this.#issuers.values()].flatMap(({ crl }) => crl ?? []);
  }

  crlNumbers(): readonly CrlNumber[] {
    return [...this.#issuers].flatMap(([issuerKeyHash, { number, crl }]) =>
      crl === undefined ? [] : [{ issuerKeyHash, number }],
    );
  }
}

function packedOf({ crl, sticky }: IssuerLists, serial: SerialHex): PackedRevocation | undefined {
  return stricter(serial, crl?.packedEntries().get(serial), sticky.get(serial));
}

/** The stricter of two, `a` where neither is. */
function stricter(
  serial: SerialHex,
  a: PackedRevocation | undefined,
  b: PackedRevocation | undefined,
): PackedRevocation | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  return isStricter(unpackRevocation(serial, b), unpackRevocation(serial, a)) ? b : a;
}

/** Beyond the bound those revoked first are let go. @returns their serials. */
function forgetBeyondBound(sticky: Map<SerialHex, PackedRevocation>): readonly SerialHex[] {
  if (sticky.size <= CRL_ENTRIES_MAX) return [];
  const oldest = [...sticky].sort(([, a], [, b]) => a - b).slice(0, sticky.size - CRL_ENTRIES_MAX);
  for (const [serial] of oldest) sticky.delete(serial);
  return oldest.map(([serial]) => serial);
}
