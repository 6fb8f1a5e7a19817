import type { Certificate } from '../x509/certificate/certificate.ts';

/** Certificates that somebody hands over to be believed, as a `ca.pem` has them. */
export interface AnchorFile {
  /** Roots: those that issued themselves. */
  readonly anchors: readonly Certificate[];
  /** Intermediates, which prove nothing by themselves. */
  readonly others: readonly Certificate[];
}

export function splitAnchors(certificates: readonly Certificate[]): AnchorFile {
  return {
    anchors: certificates.filter(({ isSelfIssued }) => isSelfIssued),
    others: certificates.filter(({ isSelfIssued }) => !isSelfIssued),
  };
}
