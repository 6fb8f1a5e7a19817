import { toRfc3339, type UnixMs } from '../../base/time.ts';
import type { CheckX509Signature } from '../../crypto/signatures/x509-signature.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';
import { type Crl, isSignedWith, maySignCrls } from '../x509/crl/crl.ts';
import { reasonsTold, scopeKeyOf } from '../x509/crl/crl-scope.ts';
import { type DistinguishedName, nameKey } from '../x509/name/distinguished-name.ts';
import { ALL_REASONS } from '../x509/certificate/distribution-points.ts';
import { pointsOf, type PointView } from '../x509/crl/point-view.ts';
import type { Revocation } from '../x509/crl/revocation-reason.ts';
import { type Heard, statusIn } from './crl-status.ts';
import { describe, type PathRefusal, refusal } from './path-result.ts';
import { type CheckRevocation, elementsOf, judgeRules } from './path-rules.ts';
import { PathWork } from './path-work.ts';

/** Checks of the signatures of CRLs in one validation: each certificate of a path needs one, or one for each set of reasons. */
export const CRL_SIGNATURE_CHECKS_MAX = 100;

/**
 * Looks at a CRL, at the name of its distribution point beside one of a certificate's, or at an element of a certificate that
 * may have signed it, in one validation: 0.2 s.
 */
export const CRL_LOOKS_MAX = 1_000_000;

/** A name relative to an issuer stands for the whole one: so many bytes of it are made within one look. @tuning */
const RELATIVE_NAME_BYTES = 64;

/**
 * Revocation from CRLs at hand (RFC 5280 section 6.3), for plain path validation. Where there are any, one must tell of the
 * leaf; the issuer of a CA is asked about only if it has some, or whoever a distribution point names in its place. Lists that
 * are forged, expired, of tomorrow or for other certificates tell nothing. Of several with one scope the highest number
 * decides; numbers of different scopes cannot be compared, so each scope has its say. A delta list alone never tells that
 * a certificate is not revoked: see {@link statusIn}. Bounded like the validation that it belongs to, over all of its
 * paths: beyond that nothing is told, and the path refused. Lists that name a key of their issuer come first, so that those
 * of a namesake, however many, use up nothing.
 *
 * @param others certificates beside the path, among which keys that lists are signed with are looked for.
 */
export function revocationFromCrls(
  crls: readonly Crl[],
  at: UnixMs,
  checkSignature: CheckX509Signature,
  others: readonly Certificate[] = [],
): CheckRevocation {
  const lookup = new CrlLookup(crls, at, checkSignature, others);
  return (certificate, _issuer, depth, path) => lookup.ask(certificate, depth, path);
}

/** Who may have signed the lists of an issuer. */
interface Signers {
  /** All of that name. */
  readonly candidates: readonly Certificate[];
  /** Whether lists of this one are believed. To be asked last: it may cost checks of signatures itself. */
  readonly isBelieved: (candidate: Certificate) => boolean;
}

/** By the key of the issuer's name. */
type SignersOf = (issuerKey: string) => Signers;

class CrlLookup {
  /** Issuers of all lists, current or not, by the keys of their names. */
  readonly #issuers: ReadonlySet<string>;
  /** Lists in their time by issuer, the highest number first, of equal ones the newest. */
  readonly #current: ReadonlyMap<string, readonly Crl[]>;
  readonly #at: UnixMs;
  readonly #checkSignature: CheckX509Signature;
  readonly #others: ReadonlyMap<string, readonly Certificate[]>;
  /** Each signature is checked once, however many paths there are; so is each question asked. */
  readonly #signatures = new Map<Crl | Certificate, Map<string, boolean>>();
  readonly #questions: Question = { below: new Map() };
  readonly #scopes = new Map<Crl, string>();
  readonly #points = new Map<Certificate, Points>();
  readonly #nameKeys = new Map<DistinguishedName, string>();
  readonly #work = new PathWork();
  #checksLeft = CRL_SIGNATURE_CHECKS_MAX;
  #looksLeft = CRL_LOOKS_MAX;

  constructor(crls: readonly Crl[], at: UnixMs, checkSignature: CheckX509Signature, others: readonly Certificate[]) {
    this.#issuers = new Set(crls.map(({ issuerKey }) => issuerKey));
    this.#at = at;
    this.#checkSignature = checkSignature;
    this.#others = Map.groupBy(others, ({ subject }) => this.#keyOf(subject));
    // 5.2.1: every CRL names the key that it is signed with, though it is the signature that tells.
    const current = crls
      .filter((crl) => crl.authorityKeyId !== undefined && crl.thisUpdate <= at && at < crl.nextUpdate + 1_000)
      .toSorted((a, b) => (a.number === b.number ? b.thisUpdate - a.thisUpdate : a.number < b.number ? 1 : -1));
    this.#current = Map.groupBy(current, ({ issuerKey }) => issuerKey);
  }

  ask(certificate: Certificate, depth: number, path: readonly Certificate[]): PathRefusal | undefined {
    let question = this.#questions;
    for (let i = path.length - 1; i >= depth; i--) question = questionBelow(question, path[i] as Certificate);
    question.answer ??= { refusal: this.#answer(certificate, depth, path) };
    return question.answer.refusal;
  }

  #answer(certificate: Certificate, depth: number, path: readonly Certificate[]): PathRefusal | undefined {
    const isAsked =
      depth === 0 ? this.#issuers.size > 0 : !this.#pointsOf(certificate).issuers.isDisjointFrom(this.#issuers);
    if (!isAsked) return undefined;
    const signers = new Map<string, Signers>();
    const { told, revokedBy } = this.#search(certificate, (issuerKey) => {
      let found = signers.get(issuerKey);
      if (found === undefined) signers.set(issuerKey, (found = this.#signersFor(issuerKey, depth, path)));
      return found;
    });
    if (revokedBy !== undefined) {
      const { revokedAt, reason } = revokedBy;
      const message = `${describe(certificate)} was revoked at ${toRfc3339(revokedAt)} (${reason})`;
      return refusal('ERR_PATH_REVOKED', message, depth);
    }
    if (this.#isSpent) return refusal('ERR_PATH_LIMIT', `${describe(certificate)} has too many CRLs`, depth);
    if (told === ALL_REASONS) return undefined;
    return refusal('ERR_PATH_CRL', `no CRL is current, correctly signed and tells of ${describe(certificate)}`, depth);
  }

  get #isSpent(): boolean {
    return this.#looksLeft < 0 || this.#checksLeft < 0;
  }

  /**
   * For which reasons the lists of these signers tell of the certificate, and what the first says that names it. 5.2.1: a list
   * names the key that it is signed with; one that names none of them is asked only where the others do not tell everything.
   */
  #search(certificate: Certificate, signersOf: SignersOf): { told: number; revokedBy?: Revocation } {
    const heard = new Map<string, Heard>();
    const issuerKey = this.#keyOf(certificate.issuer);
    let told = 0;
    for (const mustNameKey of [true, false]) {
      this.#hear(certificate, signersOf, mustNameKey, heard);
      for (const lists of heard.values()) {
        const status = statusIn(lists, certificate, issuerKey);
        if (typeof status === 'object') return { told, revokedBy: status };
        if (status === 'not-revoked') told |= lists.reasons;
      }
      if (told === ALL_REASONS) break;
    }
    return { told };
  }

  /** Adds the newest lists of each scope that tell of the certificate and are signed by one of these. */
  #hear(certificate: Certificate, signersOf: SignersOf, mustNameKey: boolean, heard: Map<string, Heard>): void {
    const { views, issuers } = this.#pointsOf(certificate);
    for (const issuerKey of issuers)
      for (const crl of this.#current.get(issuerKey) ?? []) {
        this.#looksLeft -= views.length * (1 + (crl.scope?.names?.length ?? 0));
        if (this.#isSpent) return;
        const reasons = reasonsTold(crl.scope, issuerKey, certificate, views);
        const scope = `${issuerKey} ${this.#scopeOf(crl)}`;
        const before = heard.get(scope);
        const part = crl.base === undefined ? 'complete' : 'delta';
        if (reasons === 0 || before?.[part] !== undefined) continue;
        const { candidates, isBelieved } = signersOf(issuerKey);
        this.#looksLeft -= candidates.length;
        const isHeard = candidates.some(
          (signer) =>
            (!mustNameKey || signer.extensions.subjectKeyIdentifier === crl.authorityKeyId) &&
            this.#isSigned(crl, signer) &&
            isBelieved(signer),
        );
        if (isHeard) heard.set(scope, { ...before, reasons, [part]: crl });
      }
  }

  /**
   * 6.3.3 f: who may have signed the lists of an issuer. Of the issuer of the certificate: its key, those that it vouched for
   * this one with, and keys that it has for lists alone, which come from whoever certified it. Of others, whom a distribution
   * point names: those of that name above the certificate in the path, and those that one above vouches for.
   */
  #signersFor(issuerKey: string, depth: number, path: readonly Certificate[]): Signers {
    const above = path.slice(depth + 1);
    const isOf = (other: Certificate): boolean => this.#keyOf(other.subject) === issuerKey;
    const [issuer] = above;
    const isOwn = issuer !== undefined && isOf(issuer);
    // One of its name that stands further up may be somebody else: a CA below it could take its name, and say that nobody
    // is revoked.
    const end = above.findIndex((other) => !isOf(other));
    const inPath = isOwn ? above.slice(0, end < 0 ? above.length : end) : above.filter(isOf);
    const apart = (this.#others.get(issuerKey) ?? []).filter((other) => !path.includes(other));
    const vouchers = above.slice(0, isOwn ? 2 : above.length);
    const believed = new Map(inPath.map((certificate) => [certificate, true]));
    return {
      candidates: [...inPath, ...apart],
      isBelieved: (candidate) => {
        let answer = believed.get(candidate);
        if (answer === undefined) {
          answer = vouchers.some((_voucher, i) => this.#isVouchedFor(candidate, above.slice(i)));
          believed.set(candidate, answer);
        }
        return answer;
      },
    };
  }

  /** Whether the first of a path to the anchor signed the certificate, by every rule, and its lists, if any, say no ill of it. */
  #isVouchedFor(certificate: Certificate, path: readonly Certificate[]): boolean {
    const voucher = path[0] as Certificate;
    const voucherKey = this.#keyOf(voucher.subject);
    this.#looksLeft -= 1;
    if (!voucher.isCa || this.#keyOf(certificate.issuer) !== voucherKey) return false;
    const { signatureAlgorithm, tbs, signature } = certificate;
    const isSigned = this.#once(certificate, voucher, () =>
      this.#checkSignature(signatureAlgorithm, voucher.spki, tbs, signature),
    );
    if (!isSigned) return false;
    const demands = { at: this.#at };
    const whole = [certificate, ...path];
    this.#looksLeft -= whole.reduce((sum, one) => sum + elementsOf(one, demands), 0);
    if (this.#isSpent || judgeRules(whole, demands, this.#work).tag === 'refused') return false;
    const signersOf: SignersOf = (issuerKey) => ({
      candidates: issuerKey === voucherKey ? [voucher] : [],
      isBelieved: () => true,
    });
    const { told, revokedBy } = this.#search(certificate, signersOf);
    return revokedBy === undefined && (told === ALL_REASONS || !this.#issuers.has(voucherKey));
  }

  /** @param signer of the name of the issuer of the list. */
  #isSigned(crl: Crl, signer: Certificate): boolean {
    return maySignCrls(signer) && this.#once(crl, signer, () => isSignedWith(crl, signer, this.#checkSignature));
  }

  /** One answer a key: an issuer may have many certificates for it. */
  #once(signed: Crl | Certificate, signer: Certificate, check: () => boolean): boolean {
    const known = this.#signatures.get(signed) ?? new Map<string, boolean>();
    this.#signatures.set(signed, known);
    let holds = known.get(signer.keyHash);
    if (holds === undefined) {
      this.#checksLeft -= 1;
      holds = this.#checksLeft >= 0 && check();
      known.set(signer.keyHash, holds);
    }
    return holds;
  }

  #scopeOf(crl: Crl): string {
    let scope = this.#scopes.get(crl);
    if (scope === undefined) this.#scopes.set(crl, (scope = scopeKeyOf(crl.scope)));
    return scope;
  }

  #pointsOf(certificate: Certificate): Points {
    let points = this.#points.get(certificate);
    if (points === undefined) {
      const { issuer, extensions } = certificate;
      const relative = (extensions.crlDistributionPoints ?? []).filter(({ place }) => place?.tag === 'relative').length;
      this.#looksLeft -= relative * Math.ceil(issuer.der.length / RELATIVE_NAME_BYTES);
      const views = this.#isSpent ? [] : pointsOf(certificate);
      points = { views, issuers: new Set(views.flatMap(({ issuers }) => [...issuers])) };
      this.#points.set(certificate, points);
    }
    this.#looksLeft -= points.views.length + points.issuers.size;
    return points;
  }

  #keyOf(name: DistinguishedName): string {
    let key = this.#nameKeys.get(name);
    if (key === undefined) this.#nameKeys.set(name, (key = nameKey(name)));
    return key;
  }
}

/** A certificate at the end of a path from the anchor down: what is told of it depends on those above. */
interface Question {
  readonly below: Map<Certificate, Question>;
  answer?: { readonly refusal: PathRefusal | undefined };
}

function questionBelow({ below }: Question, certificate: Certificate): Question {
  let question = below.get(certificate);
  if (question === undefined) below.set(certificate, (question = { below: new Map() }));
  return question;
}

/** The distribution points of a certificate, and all whose lists they stand for. */
interface Points {
  readonly views: readonly PointView[];
  readonly issuers: ReadonlySet<string>;
}
