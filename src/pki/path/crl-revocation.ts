import { toRfc3339, type UnixMs } from '../../base/time.ts';
import type { CheckX509Signature } from '../../crypto/x509-signature.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type Crl, isSignedCrlOf } from '../x509/crl.ts';
import { ALL_REASONS, reasonsTold } from '../x509/crl-scope.ts';
import { isSameName } from '../x509/distinguished-name.ts';
import { describe, refusal } from './path-result.ts';
import type { CheckRevocation } from './path-rules.ts';

/**
 * Revocation from CRLs at hand (RFC 5280 section 6.3), for plain path validation. Where there are any, one must tell of the
 * leaf; the issuer of a CA is asked about only if it has some. Lists that are forged, expired, of tomorrow or for other
 * certificates tell nothing. Of several for the same certificates, the highest number decides.
 */
export function revocationFromCrls(
  crls: readonly Crl[],
  at: UnixMs,
  checkSignature: CheckX509Signature,
): CheckRevocation {
  const signed = new Map<string, readonly Crl[]>();

  /** Each signature is checked once, however many paths there are. */
  const usableOf = (issuer: Certificate): readonly Crl[] => {
    let usable = signed.get(issuer.fingerprintHex);
    if (usable === undefined) {
      // 5.2.1: every CRL names the key that it is signed with, though it is the signature that tells.
      usable = crls
        .filter((crl) => crl.authorityKeyId !== undefined && crl.thisUpdate <= at && at < crl.nextUpdate + 1_000)
        .filter((crl) => isSignedCrlOf(crl, issuer, checkSignature))
        .toSorted((a, b) => (a.number < b.number ? 1 : -1));
      signed.set(issuer.fingerprintHex, usable);
    }
    return usable;
  };

  return (certificate, issuer, depth) => {
    const isAsked = depth === 0 ? crls.length > 0 : crls.some((crl) => isSameName(crl.issuer, issuer.subject));
    if (!isAsked) return undefined;
    let told = 0;
    for (const crl of usableOf(issuer)) {
      const reasons = reasonsTold(crl.scope, certificate);
      // 6.3.3 l: what newer lists have told of is not asked of older ones.
      if ((reasons & ~told) === 0) continue;
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
    return refusal(
      'ERR_PATH_CRL',
      `no CRL of ${describe(issuer)} is current, correctly signed and tells of ${describe(certificate)}`,
      depth,
    );
  };
}
