import type { TLSSocket } from 'node:tls';
import { BoundedMap } from '../../base/bounded.ts';
import { isMeshError } from '../../base/errors.ts';
import { sha256Hex } from '../../crypto/hash.ts';
import { MESH_CERTIFICATE_BYTES_MAX, MESH_CHAIN_CERTIFICATES_MAX } from '../../pki/mesh/mesh-profile.ts';
import type { PeerIdentity } from '../../engine/links/link-end.ts';
import { type Certificate, parseCertificate } from '../../pki/x509/certificate/certificate.ts';
import type { PathJudgement } from '../../pki/mesh/judge.ts';
import { chainFrom } from './peer-chain.ts';

/**
 * Chains of members that are kept, those met last: more than a node has neighbours in a day. 1,024 × about 8 KiB. A
 * member whose chain has been pushed out cannot resume; its next handshake is a full one.
 */
export const KEPT_CHAINS_MAX = 1_024;
/** Issuers that those chains share: the intermediates and cross-signed roots of a roll-over. */
export const KEPT_ISSUERS_MAX = 16;

/** The node's judgement of a chain, now; see `judgePath`. */
export type JudgeChain = (chain: readonly Certificate[], purpose: 'tls-server' | 'tls-client') => PathJudgement;

/** Who is at the other end of a finished handshake. */
export type TlsPeer =
  | { readonly tag: 'ok'; readonly peer: PeerIdentity }
  /** It showed no certificate. */
  | { readonly tag: 'none' }
  | { readonly tag: 'refused'; readonly code: string; readonly message: string };

/**
 * Judges who is at the other end, after each handshake anew, by nothing else than certificates (T13): those that a full
 * handshake showed, or those that were kept from it where a session was resumed. `socket.authorized` is never read.
 *
 * A chain that was judged good is kept under the hash of its leaf, read once for all handshakes that prove its key. What
 * is kept of it is no more and no larger than peers take in a frame, because it may be passed on to them.
 */
export class TlsPeers {
  readonly #purpose: 'tls-server' | 'tls-client';
  readonly #judge: JudgeChain;
  readonly #kept = new BoundedMap<string, readonly Certificate[]>(KEPT_CHAINS_MAX);
  readonly #issuers = new BoundedMap<string, Certificate>(KEPT_ISSUERS_MAX);

  /** @param purpose What the other end is: a server where we dial. */
  constructor(purpose: 'tls-server' | 'tls-client', judge: JudgeChain) {
    this.#purpose = purpose;
    this.#judge = judge;
  }

  /**
   * @param ofSession The chain that was kept beside the session which this side offered. Where the session was resumed it
   *   is judged: a client is shown no certificate then, a server the leaf alone.
   */
  judge(socket: TLSSocket, ofSession?: readonly Certificate[]): TlsPeer {
    const isResumed = socket.isSessionReused();
    if (isResumed && ofSession !== undefined) return this.judgeChain(ofSession);
    const shown = socket.getPeerX509Certificate();
    if (shown === undefined) return { tag: 'none' };
    const voucherId = shown.fingerprint256; // SHA-256 of the DER
    const kept = this.#kept.get(voucherId);
    if (isResumed) return kept === undefined ? NOT_KEPT : this.judgeChain(kept);
    // The handshake has proved the key of this very leaf; what leads from it to the anchor may be what led there before.
    const known = kept === undefined ? undefined : this.judgeChain(kept);
    if (known?.tag === 'ok') return known;
    let chain: readonly Certificate[];
    try {
      chain = chainFrom(shown)
        .slice(0, MESH_CHAIN_CERTIFICATES_MAX)
        .map((der) => this.#issuers.get(sha256Hex(der)) ?? parseCertificate(der, MESH_CERTIFICATE_BYTES_MAX));
    } catch (error) {
      if (!isMeshError(error)) throw error;
      return { tag: 'refused', code: error.code, message: error.message };
    }
    const found = this.judgeChain(chain);
    if (found.tag === 'refused') return found;
    this.#kept.set(voucherId, chain);
    for (const issuer of chain.slice(1)) this.#issuers.set(issuer.fingerprintHex, issuer);
    return found;
  }

  /** The judgement of a chain by itself, now. */
  judgeChain(chain: readonly Certificate[]): Exclude<TlsPeer, { readonly tag: 'none' }> {
    const judgement = this.#judge(chain, this.#purpose);
    if (judgement.tag === 'refused') return { tag: 'refused', code: judgement.code, message: judgement.message };
    return { tag: 'ok', peer: { nodeId: judgement.nodeId, chain } };
  }
}

const NOT_KEPT: TlsPeer = {
  tag: 'refused',
  code: 'ERR_PATH_EMPTY',
  message: 'the session was resumed, and the chain of its first handshake is kept no more',
};
