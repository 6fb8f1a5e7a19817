import { constants } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import { SECOND_MS } from '../../base/time.ts';
import { TLS_GROUPS } from './groups.ts';

/** A handshake that takes longer is not honest, or not worth waiting for. */
export const HANDSHAKE_MS_MAX = 10_000;

export interface TlsIdentity {
  /** PEM, leaf and then its issuers. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  /** PEM of the roots that clients are asked to present a chain to. */
  readonly trustAnchors: readonly string[];
}

/**
 * How the servers of a mesh do TLS: 1.3 only, hybrid key exchange first, the client's certificate asked for and left to
 * `judgePath`; whoever has none is told so in HTTP. No early data: Node.js offers none.
 *
 * @param sessionTicketMs How long a session may be resumed after its full handshake. Without it nobody resumes: a resumed
 *   session shows no chain to judge, so only who keeps chains may let it happen (T13).
 */
export function tlsServerOptions(
  { certificate, key, trustAnchors }: TlsIdentity,
  sessionTicketMs?: number,
): ServerOptions {
  return {
    cert: certificate,
    key,
    ca: [...trustAnchors],
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ecdhCurve: TLS_GROUPS,
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_MS_MAX,
    ...(sessionTicketMs === undefined
      ? { secureOptions: constants.SSL_OP_NO_TICKET }
      : { sessionTimeout: Math.max(1, Math.floor(sessionTicketMs / SECOND_MS)) }),
  };
}
