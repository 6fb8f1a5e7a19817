import type { TLSSocket } from 'node:tls';
import { isMeshError } from '../base/errors.ts';
import { CERTIFICATE_BYTES_MAX, CHAIN_CERTIFICATES_MAX } from '../engine/frame.ts';
import type { PeerIdentity } from '../engine/link.ts';
import { type Certificate, parseCertificate } from '../pki/certificate.ts';
import type { PathJudgement } from '../pki/judge.ts';
import { peerChainOf } from './peer-chain.ts';

/** The protocol of links, as TLS names it (RFC 7301). Everything else on a node's port is HTTP. */
export const LINK_ALPN = 'dadm-mesh/1';

/** The node's judgement of a chain, now; see `judgePath`. */
export type JudgeChain = (chain: readonly Certificate[], purpose: 'tls-server' | 'tls-client') => PathJudgement;

/** Who is at the other end of a finished handshake. */
export type TlsPeer =
  | { readonly tag: 'ok'; readonly peer: PeerIdentity }
  /** It showed no certificate. */
  | { readonly tag: 'none' }
  | { readonly tag: 'refused'; readonly code: string; readonly message: string };

/**
 * Judges the chain that the handshake showed, by nothing else than its certificates. What is kept of it is no more
 * and no larger than peers take in a frame, because it may be passed on to them.
 *
 * A resumed session shows no chain, or only a leaf: it is refused whatever it claims (T13).
 */
export function judgeTlsPeer(socket: TLSSocket, purpose: 'tls-server' | 'tls-client', judge: JudgeChain): TlsPeer {
  if (socket.isSessionReused()) return { tag: 'refused', code: 'ERR_PATH_EMPTY', message: 'the session was resumed' };
  const ders = peerChainOf(socket).slice(0, CHAIN_CERTIFICATES_MAX);
  if (ders.length === 0) return { tag: 'none' };
  let chain: readonly Certificate[];
  try {
    chain = ders.map((der) => parseCertificate(der, CERTIFICATE_BYTES_MAX));
  } catch (error) {
    if (!isMeshError(error)) throw error;
    return { tag: 'refused', code: error.code, message: error.message };
  }
  const judgement = judge(chain, purpose);
  if (judgement.tag === 'refused') return { tag: 'refused', code: judgement.code, message: judgement.message };
  return { tag: 'ok', peer: { nodeId: judgement.nodeId, chain } };
}
