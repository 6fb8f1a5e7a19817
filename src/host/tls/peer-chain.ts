import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Bytes } from '../../base/bytes.ts';
import { sha256Hex } from '../../crypto/hash.ts';
import { plainBytes } from '../../crypto/plain-bytes.ts';

/** Certificates of a peer that are looked at. A mesh chain has three; the walk must end whatever was sent. */
export const PEER_CHAIN_MAX = 8;

/**
 * The certificates that a peer presented, leaf first, DER; empty where it presented none. What they are worth is for
 * `judgePath` to say: `socket.authorized` is never read.
 *
 * After a resumption there is at most the leaf.
 */
export function peerChainOf(socket: TLSSocket): readonly Bytes[] {
  const leaf = socket.getPeerX509Certificate();
  return leaf === undefined ? [] : chainFrom(leaf);
}

/** The leaf that a peer presented, and what it sent with it. */
export function chainFrom(leaf: X509Certificate): readonly Bytes[] {
  const chain: Bytes[] = [];
  const seen = new Set<string>();
  let certificate: X509Certificate | undefined = leaf;
  while (certificate !== undefined && chain.length < PEER_CHAIN_MAX) {
    const der = plainBytes(certificate.raw);
    const key = sha256Hex(der);
    if (seen.has(key)) break;
    seen.add(key);
    chain.push(der);
    const issuer: X509Certificate | undefined = certificate.issuerCertificate;
    certificate = issuer !== undefined && certificate.checkIssued(issuer) ? issuer : undefined;
  }
  return chain;
}
