import { toRfc3339, type UnixMs } from '../../base/time.ts';
import type { CheckX509Signature } from '../../crypto/x509-signature.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type Crl, isSignedCrlOf } from '../x509/crl.ts';
import { ALL_REASONS, reasonsTold } from '../x509/crl-scope.ts';
import { isSameName } from '../x509/distinguished-name.ts';
import { describe, type PathRefusal, refusal } from './path-result.ts';
import type { CheckRevocation } from './path-rules.ts';

/** Checks of the signatures of CRLs in one validation: each certificate of a path needs one, or one for each set of reasons. */
export const CRL_SIGNATURE_CHECKS_MAX = 100;

/** Looks at a CRL, or at the name of its distribution point beside one of a certificate's, in one validation: 0.2 s. */
export const CRL_LOOKS_MAX = 1_000_000;

/**
 * Revocation from CRLs at hand (RFC 5280 section 6.3), for plain path validation. Where there are any, one must tell of the
 * leaf; the issuer of a CA is asked about only if it has some. Lists that are forged, expired, of tomorrow or for other
 * certificates tell nothing. Of several for the same certificates, the highest number decides. Bounded like the validation
 * that it belongs to, over all of its paths: beyond that nothing is told, and the path refused.
 */
export function revocationFromCrls(
  crls: readonly Crl[],
  at: UnixMs,
  checkSignature: CheckX509Signature,
): CheckRevocation {
  // 5.2.1: every CRL names the key that it is signed with, though it is the signature that tells.
  const current = crls
    .filter((crl) => crl.authorityKeyId !== undefined && crl.thisUpdate <= at && at < crl.nextUpdate + 1_000)
    .toSorted((a, b) => (a.number === b.number ? 0 : a.number < b.number ? 1 : -1));
  const signatures = new Map<Crl, Map<string, boolean>>();
  const answers = new Map<string, PathRefusal | undefined>();
  let [checksLeft, looksLeft] = [CRL_SIGNATURE_CHECKS_MAX, CRL_LOOKS_MAX];

  /** Each signature is checked once, however many paths there are. */
  const isSigned = (crl: Crl, issuer: Certificate): boolean => {
    const known = signatures.get(crl) ?? new Map<string, boolean>();
    signatures.set(crl, known);
    let holds = known.get(issuer.fingerprintHex);
    if (holds === undefined) {
      checksLeft -= 1;
      holds = checksLeft >= 0 && isSignedCrlOf(crl, issuer, checkSignature);
      known.set(issuer.fingerprintHex, holds);
    }
    return holds;
  };

  const ask: CheckRevocation = (certificate, issuer, depth) => {
    looksLeft -= crls.length;
    const isAsked = depth === 0 ? crls.length > 0 : crls.some((crl) => isSameName(crl.issuer, issuer.subject));
    if (!isAsked) return undefined;
    const points = 1 + (certificate.extensions.crlDistributionPoints ?? []).flatMap(({ names }) => names ?? []).length;
    let told = 0;
    for (const crl of current) {
      if (!isSameName(crl.issuer, issuer.subject)) continue;
      looksLeft -= points * (crl.scope?.names?.length ?? 0);
      if (looksLeft < 0 || checksLeft < 0) break;
      const reasons = reasonsTold(crl.scope, certificate);
      // 6.3.3 l: what newer lists have told of is not asked of older ones.
      if ((reasons & ~told) === 0 || !isSigned(crl, issuer)) continue;
      told |= reasons;
      const revocation = crl.revocationOf(certificate.serial);
      if (revocation !== undefined)
        return refusal(
          'ERR_PATH_REVOKED',
          `${describe(certificate)} was revoked at ${toRfc3339(revocation.revokedAt)} (${revocation.reason})`,
          depth,
        );
    }
    if (told === ALL_REASONS) return undefined;
    if (looksLeft < 0 || checksLeft < 0)
      return refusal('ERR_PATH_LIMIT', `${describe(issuer)} has too many CRLs`, depth);
    return refusal(
      'ERR_PATH_CRL',
      `no CRL of ${describe(issuer)} is current, correctly signed and tells of ${describe(certificate)}`,
      depth,
    );
  };

  return (certificate, issuer, depth) => {
    const edge = `${certificate.fingerprintHex} ${issuer.fingerprintHex} ${depth}`;
    if (!answers.has(edge)) answers.set(edge, ask(certificate, issuer, depth));
    return answers.get(edge);
  };
}
