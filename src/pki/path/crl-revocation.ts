import { toRfc3339, type UnixMs } from '../../base/time.ts';
import type { CheckX509Signature } from '../../crypto/x509-signature.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type Crl, isSignedCrlOf } from '../x509/crl.ts';
import { ALL_REASONS, reasonsTold, scopeKeyOf } from '../x509/crl-scope.ts';
import { isSameName } from '../x509/distinguished-name.ts';
import { judgeConformance } from './certificate-rules.ts';
import { describe, type PathRefusal, refusal } from './path-result.ts';
import type { CheckRevocation } from './path-rules.ts';
import type { Revocation } from '../x509/revocation-reason.ts';

/** Checks of the signatures of CRLs in one validation: each certificate of a path needs one, or one for each set of reasons. */
export const CRL_SIGNATURE_CHECKS_MAX = 100;

/** Looks at a CRL, or at the name of its distribution point beside one of a certificate's, in one validation: 0.2 s. */
export const CRL_LOOKS_MAX = 1_000_000;

/**
 * Revocation from CRLs at hand (RFC 5280 section 6.3), for plain path validation. Where there are any, one must tell of the
 * leaf; the issuer of a CA is asked about only if it has some. Lists that are forged, expired, of tomorrow or for other
 * certificates tell nothing. Of several with one scope the highest number decides; numbers of different scopes cannot be
 * compared, so each scope has its say. Bounded like the validation that it belongs to, over all of its paths: beyond that
 * nothing is told, and the path refused.
 *
 * @param others certificates beside the path, among which keys that an issuer signs its lists with are looked for.
 */
export function revocationFromCrls(
  crls: readonly Crl[],
  at: UnixMs,
  checkSignature: CheckX509Signature,
  others: readonly Certificate[] = [],
): CheckRevocation {
  const lookup = new CrlLookup(crls, at, checkSignature, others);
  return (certificate, issuer, depth, path) => lookup.ask(certificate, issuer, depth, path);
}

class CrlLookup {
  readonly #crls: readonly Crl[];
  readonly #current: readonly Crl[];
  readonly #at: UnixMs;
  readonly #checkSignature: CheckX509Signature;
  readonly #others: readonly Certificate[];
  /** Each signature is checked once, however many paths there are; so is each question asked. */
  readonly #signatures = new Map<Crl | Certificate, Map<string, boolean>>();
  readonly #answers = new Map<string, PathRefusal | undefined>();
  readonly #scopes = new Map<Crl, string>();
  #checksLeft = CRL_SIGNATURE_CHECKS_MAX;
  #looksLeft = CRL_LOOKS_MAX;

  constructor(crls: readonly Crl[], at: UnixMs, checkSignature: CheckX509Signature, others: readonly Certificate[]) {
    this.#crls = crls;
    this.#at = at;
    this.#checkSignature = checkSignature;
    this.#others = others;
    // 5.2.1: every CRL names the key that it is signed with, though it is the signature that tells.
    this.#current = crls
      .filter((crl) => crl.authorityKeyId !== undefined && crl.thisUpdate <= at && at < crl.nextUpdate + 1_000)
      .toSorted((a, b) => (a.number === b.number ? 0 : a.number < b.number ? 1 : -1));
  }

  ask(
    certificate: Certificate,
    issuer: Certificate,
    depth: number,
    path: readonly Certificate[],
  ): PathRefusal | undefined {
    const involved = [certificate, issuer, path[depth + 2], ...olderKeysOf(issuer, depth, path)];
    const question = `${depth} ${involved.map((one) => one?.fingerprintHex ?? '').join(' ')}`;
    if (!this.#answers.has(question)) this.#answers.set(question, this.#answer(certificate, issuer, depth, path));
    return this.#answers.get(question);
  }

  #answer(
    certificate: Certificate,
    issuer: Certificate,
    depth: number,
    path: readonly Certificate[],
  ): PathRefusal | undefined {
    this.#looksLeft -= this.#crls.length + this.#others.length;
    const isAsked =
      depth === 0 ? this.#crls.length > 0 : this.#crls.some((crl) => isSameName(crl.issuer, issuer.subject));
    if (!isAsked) return undefined;
    const { told, revokedBy } = this.#search(certificate, this.#signersFor(certificate, issuer, depth, path));
    if (revokedBy !== undefined) {
      const { revokedAt, reason } = revokedBy;
      const message = `${describe(certificate)} was revoked at ${toRfc3339(revokedAt)} (${reason})`;
      return refusal('ERR_PATH_REVOKED', message, depth);
    }
    if (this.#isSpent) return refusal('ERR_PATH_LIMIT', `${describe(issuer)} has too many CRLs`, depth);
    if (told === ALL_REASONS) return undefined;
    return refusal(
      'ERR_PATH_CRL',
      `no CRL of ${describe(issuer)} is current, correctly signed and tells of ${describe(certificate)}`,
      depth,
    );
  }

  get #isSpent(): boolean {
    return this.#looksLeft < 0 || this.#checksLeft < 0;
  }

  /** For which reasons the lists of these signers tell of the certificate, and what the first says that names it. */
  #search(certificate: Certificate, signers: readonly Certificate[]): { told: number; revokedBy?: Revocation } {
    const points = 1 + (certificate.extensions.crlDistributionPoints ?? []).flatMap(({ names }) => names ?? []).length;
    const heard = new Set<string>();
    let told = 0;
    for (const crl of this.#current) {
      if (!isSameName(crl.issuer, certificate.issuer)) continue;
      this.#looksLeft -= points * (crl.scope?.names?.length ?? 0);
      if (this.#isSpent) break;
      const reasons = reasonsTold(crl.scope, certificate);
      const scope = this.#scopeOf(crl);
      if (reasons === 0 || heard.has(scope) || !signers.some((signer) => this.#isSigned(crl, signer))) continue;
      heard.add(scope);
      told |= reasons;
      const revokedBy = crl.revocationOf(certificate.serial);
      if (revokedBy !== undefined) return { told, revokedBy };
    }
    return { told };
  }

  /**
   * 6.3.3 f: who may have signed the lists of an issuer: its key, those that it vouched for this one with, and keys that it
   * has for lists alone. Those come from whoever certified the issuer, and are held to the same rules.
   */
  #signersFor(
    certificate: Certificate,
    issuer: Certificate,
    depth: number,
    path: readonly Certificate[],
  ): readonly Certificate[] {
    const isNamesake = (other: Certificate): boolean =>
      other !== issuer && other !== certificate && isSameName(other.subject, issuer.subject);
    const above = path[depth + 2];
    const vouchers = above === undefined ? [issuer] : [above, issuer];
    const apart = this.#others.filter(
      (other) =>
        isNamesake(other) &&
        !path.includes(other) &&
        other.notBefore <= this.#at &&
        this.#at < other.notAfter + 1_000 &&
        judgeConformance(other, false, depth) === undefined &&
        vouchers.some((voucher) => this.#isVouchedFor(other, voucher)),
    );
    return [issuer, ...olderKeysOf(issuer, depth, path), ...apart];
  }

  /** Whether the voucher signed the certificate, and no list of its own revokes it. */
  #isVouchedFor(certificate: Certificate, voucher: Certificate): boolean {
    if (!voucher.isCa || !isSameName(certificate.issuer, voucher.subject)) return false;
    const { signatureAlgorithm, tbs, signature } = certificate;
    const isSigned = this.#once(certificate, voucher, () =>
      this.#checkSignature(signatureAlgorithm, voucher.spki, tbs, signature),
    );
    return isSigned && this.#search(certificate, [voucher]).revokedBy === undefined;
  }

  #isSigned(crl: Crl, signer: Certificate): boolean {
    return this.#once(crl, signer, () => isSignedCrlOf(crl, signer, this.#checkSignature));
  }

  #once(signed: Crl | Certificate, signer: Certificate, check: () => boolean): boolean {
    const known = this.#signatures.get(signed) ?? new Map<string, boolean>();
    this.#signatures.set(signed, known);
    let holds = known.get(signer.fingerprintHex);
    if (holds === undefined) {
      this.#checksLeft -= 1;
      holds = this.#checksLeft >= 0 && check();
      known.set(signer.fingerprintHex, holds);
    }
    return holds;
  }

  #scopeOf(crl: Crl): string {
    let scope = this.#scopes.get(crl);
    if (scope === undefined) this.#scopes.set(crl, (scope = scopeKeyOf(crl.scope)));
    return scope;
  }
}

/**
 * The issuer's other keys, right above it in the path. One of its name that stands elsewhere may be somebody else: a CA
 * below it could take its name, and say that nobody is revoked.
 */
function olderKeysOf(issuer: Certificate, depth: number, path: readonly Certificate[]): readonly Certificate[] {
  const above = path.slice(depth + 2);
  const end = above.findIndex((other) => !isSameName(other.subject, issuer.subject));
  return end < 0 ? above : above.slice(0, end);
}
