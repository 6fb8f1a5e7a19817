import { HOUR_MS, type UnixMs } from '../../base/time.ts';
import { BACKDATE_MS } from '../../pki/x509/certificate/certificate-build.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';

/** How far a node's own certificate has come: `ending` when a third of its life is left, `ended` when nobody takes it. */
export type CertificateState = 'good' | 'ending' | 'ended';

/** In the last tenth of its life, and when it has ended, it is told again each hour. */
const REMIND_MS = HOUR_MS;

/** How far a certificate has come at `wall`; the last third of its life is `ending`. */
export function certificateStateAt(
  { notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>,
  wall: UnixMs,
): CertificateState {
  if (wall >= notAfter) return 'ended';
  return wall >= notAfter - lifeOf({ notBefore, notAfter }) / 3 ? 'ending' : 'good';
}

/** Decides when the operator is to be told of the end of this node's certificate: a node without one is mute. */
export class CertificateWatch {
  readonly #certificate: Pick<Certificate, 'notBefore' | 'notAfter'>;
  #told: CertificateState = 'good';
  #toldAt: UnixMs | undefined;

  constructor(certificate: Pick<Certificate, 'notBefore' | 'notAfter'>) {
    this.#certificate = certificate;
  }

  /** @returns what is to be told now; `undefined` for nothing. Ask about each minute. */
  handleTimeout(wall: UnixMs): Exclude<CertificateState, 'good'> | undefined {
    const { notAfter } = this.#certificate;
    const state = certificateStateAt(this.#certificate, wall);
    const isNew = state !== this.#told;
    this.#told = state;
    if (state === 'good') return undefined;
    const isLast = wall >= notAfter - lifeOf(this.#certificate) / 10;
    const isDue = this.#toldAt === undefined || (isLast && Math.abs(wall - this.#toldAt) >= REMIND_MS);
    if (!isNew && !isDue) return undefined;
    this.#toldAt = wall;
    return state;
  }
}

/** The life that the node received: authorities backdate the beginning. */
function lifeOf({ notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>): number {
  return Math.max(0, notAfter - notBefore - BACKDATE_MS);
}
