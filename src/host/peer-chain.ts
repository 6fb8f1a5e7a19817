import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { Bytes } from '../base/bytes.ts';
import { plainBytes } from '../crypto/plain-bytes.ts';

/** Certificates of a peer that are looked at. A mesh chain has three; the walk must end whatever was sent. */
export const PEER_CHAIN_MAX = 8;

/**
 * The certificates that a peer presented, leaf first, DER; empty where it presented none. What they are worth is for
 * `judgePath` to say: `socket.authorized` is never read.
 *
 * After a resumption there is at most the leaf, so servers of this program do not resume.
 */
export function peerChainOf(socket: TLSSocket): readonly Bytes[] {
  const chain: Bytes[] = [];
  const seen = new Set<string>();
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (certificate?.raw !== undefined && chain.length < PEER_CHAIN_MAX && !seen.has(certificate.fingerprint256)) {
    seen.add(certificate.fingerprint256);
    chain.push(plainBytes(certificate.raw).slice());
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
