import { BoundedMap } from '../../base/bounded.ts';
import { sha256Concat } from '../hash.ts';
import type { CheckX509Signature } from './x509-signature.ts';

/**
 * Good signatures of certificates and CRLs that are remembered: those of the issuers, and of the peers that one meets
 * again and again. 1,024 × about 150 B = 150 KiB.
 */
export const REMEMBERED_CHECKS_MAX = 1_024;

/**
 * The same check, which asks about a signature that was found good only once. What was found bad is checked again, so
 * that strangers with forgeries cannot push good ones out.
 */
export function rememberChecks(check: CheckX509Signature): CheckX509Signature {
  const good = new BoundedMap<string, true>(REMEMBERED_CHECKS_MAX);
  return (algorithmIdentifier, spki, signed, signature) => {
    // Each of the first three is one DER element, so that no two sets of arguments make the same bytes.
    const key = sha256Concat(algorithmIdentifier, spki, signed, signature).toHex();
    if (good.get(key) === true) return true;
    const holds = check(algorithmIdentifier, spki, signed, signature);
    if (holds) good.set(key, true);
    return holds;
  };
}
