import type { Certificate } from '../x509/certificate/certificate.ts';
import type { Crl } from '../x509/crl/crl.ts';
import type { Revocation } from '../x509/crl/revocation-reason.ts';

/** The newest lists of one scope. */
export interface Heard {
  readonly reasons: number;
  readonly complete?: Crl;
  readonly delta?: Crl;
}

/**
 * What the newest complete list and the newest delta of one scope say together (RFC 5280 sections 5.2.4 and 6.3.3 i to k).
 * What a newer delta adds is believed, whatever it builds upon; it lifts a hold where it builds upon no more than the
 * complete list. One that builds upon a later list than is at hand shows that there is more to know: then nothing is told.
 */
export function statusIn(
  { complete, delta }: Heard,
  { serial }: Certificate,
  issuerKey: string,
): Revocation | 'not-revoked' | 'untold' {
  if (complete === undefined) return delta?.revocationOf(serial, issuerKey) ?? 'untold';
  const listed = complete.revocationOf(serial, issuerKey);
  if (delta?.base === undefined || delta.number <= complete.number) return listed ?? 'not-revoked';
  const added = delta.revocationOf(serial, issuerKey);
  if (added !== undefined) return added;
  if (delta.base > complete.number) return listed ?? 'untold';
  const isLifted = listed?.reason === 'certificateHold' && delta.isRemoved(serial, issuerKey);
  return isLifted ? 'not-revoked' : (listed ?? 'not-revoked');
}
