import { toRfc3339, type UnixMs } from '../base/time.ts';
import type { CheckX509Signature } from '../crypto/x509-signature.ts';
import { type Crl, isCrlOf, verifyCrl } from './crl.ts';
import { describe, refusal } from './path-result.ts';
import type { CheckRevocation } from './path-rules.ts';

/**
 * Revocation from CRLs at hand (RFC 5280 section 6.3), for plain path validation. An issuer without a CRL here is not
 * asked about; one whose CRLs are all forged, expired or of tomorrow makes its certificates unusable. Of several, the
 * highest number decides.
 */
export function revocationFromCrls(
  crls: readonly Crl[],
  at: UnixMs,
  checkSignature: CheckX509Signature,
): CheckRevocation {
  return (certificate, issuer, depth) => {
    const ofIssuer = crls.filter((crl) => isCrlOf(crl, issuer));
    if (ofIssuer.length === 0) return undefined;
    const usable = ofIssuer.filter(
      (crl) => crl.thisUpdate <= at && at < crl.nextUpdate + 1_000 && verifyCrl(crl, issuer, checkSignature),
    );
    const [newest] = usable.sort((a, b) => (a.number < b.number ? 1 : -1));
    if (newest === undefined)
      return refusal('ERR_PATH_CRL', `no CRL of ${describe(issuer)} is current and correctly signed`, depth);
    const revocation = newest.revocationOf(certificate.serial);
    if (revocation === undefined) return undefined;
    return refusal(
      'ERR_PATH_REVOKED',
      `${describe(certificate)} was revoked at ${toRfc3339(revocation.revokedAt)} (${revocation.reason})`,
      depth,
    );
  };
}
