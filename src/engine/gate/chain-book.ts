import { HOUR_MS, type UnixMs } from '../../base/time.ts';
import type { PublicKey } from '../../crypto/keys/public-key.ts';
import type { Capability } from '../../identity/capability.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Certificate, SerialHex } from '../../pki/x509/certificate/certificate.ts';
import { judgePath, type PathJudgement, type Trust } from '../../pki/mesh/judge.ts';
import type { PathErrorCode } from '../../pki/path/path-result.ts';
import { RevocationView } from '../../pki/mesh/revocation-view.ts';
import type { Revocations } from './revocations.ts';
import { LIFETIME_MAX_MS } from '../../message/limits.ts';
import type { Message } from '../../message/message.ts';

/** Chains kept: one a certificate of every origin with live mail. 20,000 × about 3 KB = 60 MB at the very most. */
export const CHAINS_MAX = 20_000;

/** A chain that leads to our trust anchor, whether or not it is revoked or expired by now. */
export interface KnownChain {
  /** Hex of the SHA-256 of the leaf's DER: what messages name. */
  readonly voucherId: string;
  readonly chain: readonly Certificate[];
  readonly nodeId: NodeId;
  readonly publicKey: PublicKey;
}

interface Entry extends KnownChain {
  /** The last judgement, good for this span of `at` and this state of revocations. */
  judged:
    | { readonly judgement: PathJudgement; readonly from: UnixMs; readonly until: UnixMs; readonly version: number }
    | undefined;
}

/** A good judgement of a peer's chain, and for how long it says the same. */
interface JudgedPeer {
  readonly judgement: PathJudgement;
  readonly purpose: 'tls-server' | 'tls-client';
  readonly from: UnixMs;
  readonly version: number;
}

/** Who may have said a message, as far as its certificate tells. */
export type OriginJudgement =
  | { readonly tag: 'ok'; readonly chain: KnownChain; readonly capabilities: readonly Capability[] }
  | { readonly tag: 'unknown' }
  | { readonly tag: 'revoked' }
  | { readonly tag: 'refused'; readonly detail: string };

/**
 * The certificates that this node has seen and judged, by the hash that messages name them with. They are kept
 * for as long as mail signed under them may live, so a chain is fetched once.
 */
export class ChainBook {
  readonly #trust: Trust;
  readonly #revocations: Revocations;
  readonly #nothingRevoked = new RevocationView();
  readonly #entries = new Map<string, Entry>();
  readonly #byNode = new Map<NodeId, Set<Entry>>();
  readonly #peers = new WeakMap<readonly Certificate[], JudgedPeer>();

  constructor(trust: Trust, revocations: Revocations) {
    this.#trust = trust;
    this.#revocations = revocations;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(voucherId: string): KnownChain | undefined {
    return this.#entries.get(voucherId);
  }

  /**
   * One judgement of a chain that a peer shows, now: for TLS and HTTP. Of a chain that is kept and shown again as the
   * same array the answer is remembered while it cannot change: until the first certificate expires or a list comes.
   */
  judgePeer(chain: readonly Certificate[], wall: UnixMs, purpose: 'tls-server' | 'tls-client'): PathJudgement {
    const version = this.#revocations.version;
    const last = this.#peers.get(chain);
    if (last?.judgement.tag === 'ok' && last.version === version && last.purpose === purpose)
      if (wall >= last.from && wall <= last.judgement.notAfter)
        // All certificates are valid from that moment to this one, because each is valid for one span without a gap.
        return last.judgement;
    const judgement = judgePath(chain, this.#revocations.view, wall, purpose, this.#trust);
    if (judgement.tag === 'ok') this.#peers.set(chain, { judgement, purpose, from: wall, version });
    return judgement;
  }

  /**
   * Keeps a chain for messages. It must lead to the trust anchor and have been valid at some time; being revoked
   * does not keep it out, so that what it signed can be told from what is unknown.
   *
   * @returns the entry and whether it is new, or the refusal.
   */
  add(
    chain: readonly Certificate[],
    wall: UnixMs,
  ):
    | { readonly known: KnownChain; readonly isNew: boolean }
    | { readonly refused: string; readonly code: PathErrorCode } {
    const leaf = chain[0];
    if (leaf === undefined) return { code: 'ERR_PATH_EMPTY', refused: 'empty chain' };
    const have = this.#entries.get(leaf.fingerprintHex);
    if (have !== undefined) return { known: have, isNew: false };
    if (keepChainUntil(leaf) <= wall) return { code: 'ERR_PATH_EXPIRED', refused: 'expired too long ago' };
    const judgement = judgePath(chain, this.#nothingRevoked, leaf.notAfter, 'message', this.#trust);
    if (judgement.tag === 'refused') return { code: judgement.code, refused: judgement.message };
    if (this.#entries.size >= CHAINS_MAX) this.#forgetOldest();
    const entry: Entry = {
      voucherId: leaf.fingerprintHex,
      chain,
      nodeId: judgement.nodeId,
      publicKey: leaf.publicKey,
      judged: undefined,
    };
    this.#revocations.learnIssuers(chain);
    this.#entries.set(entry.voucherId, entry);
    const ofNode = this.#byNode.get(entry.nodeId);
    if (ofNode === undefined) this.#byNode.set(entry.nodeId, new Set([entry]));
    else ofNode.add(entry);
    return { known: entry, isNew: true };
  }

  /** Step 4 of the gate: is the certificate known, does it speak for this origin, was it valid then, is it revoked. */
  judgeOrigin(message: Pick<Message, 'origin' | 'voucherId' | 'issuedAt'>): OriginJudgement {
    const entry = this.#entries.get(message.voucherId);
    if (entry === undefined) return { tag: 'unknown' };
    const judgement = this.#judge(entry, message.issuedAt);
    if (judgement.tag === 'refused')
      return judgement.code === 'ERR_PATH_REVOKED' ? { tag: 'revoked' } : { tag: 'refused', detail: judgement.message };
    if (judgement.nodeId !== message.origin)
      return { tag: 'refused', detail: 'the certificate speaks for another node' };
    return { tag: 'ok', chain: entry, capabilities: judgement.capabilities };
  }

  /** Whether all certificates that we know of a node are revoked. */
  isRevoked(nodeId: NodeId): boolean {
    const entries = this.#byNode.get(nodeId);
    if (entries === undefined) return false;
    for (const entry of entries) {
      const judgement = this.#judge(entry, (entry.chain[0] as Certificate).notAfter);
      if (judgement.tag === 'ok' || judgement.code !== 'ERR_PATH_REVOKED') return false;
    }
    return true;
  }

  /**
   * What the newest certificate permits that we know of a node, ended or not, and that is not revoked; `undefined` where
   * we know of none.
   */
  permittedTo(nodeId: NodeId): readonly Capability[] | undefined {
    let newest: { readonly from: UnixMs; readonly capabilities: readonly Capability[] } | undefined;
    for (const entry of this.#byNode.get(nodeId) ?? []) {
      const { notBefore, notAfter } = entry.chain[0] as Certificate;
      if (newest !== undefined && notBefore < newest.from) continue;
      const judgement = this.#judge(entry, notAfter);
      if (judgement.tag === 'ok') newest = { from: notBefore, capabilities: judgement.capabilities };
    }
    return newest?.capabilities;
  }

  /** The chain of the newest certificate known of a node, revoked or not. */
  newestOf(nodeId: NodeId): KnownChain | undefined {
    const begin = ({ chain }: KnownChain): UnixMs => (chain[0] as Certificate).notBefore;
    return Array.from(this.#byNode.get(nodeId) ?? []).toSorted((a, b) => begin(b) - begin(a))[0];
  }

  /** When the certificates known of an issuer end, by serial number. */
  endsOf(issuerKeyHash: string): ReadonlyMap<SerialHex, UnixMs> {
    const ends = new Map<SerialHex, UnixMs>();
    for (const { chain } of this.#entries.values())
      for (const [depth, { serial, notAfter }] of chain.entries())
        if (chain[depth + 1]?.keyHash === issuerKeyHash) ends.set(serial, notAfter);
    return ends;
  }

  /** All nodes of which that is so. */
  revokedNodes(): NodeId[] {
    return Array.from(this.#byNode.keys()).filter((nodeId) => this.isRevoked(nodeId));
  }

  /** Leaf hashes of chains that no mail can need any more; they are forgotten. */
  forgetEnded(wall: UnixMs): string[] {
    const ended: string[] = [];
    for (const { voucherId, chain } of this.#entries.values())
      if (keepChainUntil(chain[0] as Certificate) <= wall) ended.push(voucherId);
    for (const voucherId of ended) this.#forget(voucherId);
    return ended;
  }

  #judge(entry: Entry, at: UnixMs): PathJudgement {
    const version = this.#revocations.version;
    const last = entry.judged;
    if (last !== undefined && last.version === version && at >= last.from && at <= last.until) return last.judgement;
    const judgement = judgePath(entry.chain, this.#revocations.view, at, 'message', this.#trust);
    // A good judgement holds for the whole time in which all certificates of the chain are valid; a revocation
    // for a reason that spares older mail depends on `at`, so other judgements are not kept.
    if (judgement.tag === 'ok' && !this.#revocations.concerns(entry.chain)) {
      const from = Math.max(...entry.chain.map((c) => c.notBefore)) as UnixMs;
      const until = Math.min(...entry.chain.map((c) => c.notAfter)) as UnixMs;
      entry.judged = { judgement, from, until, version };
    }
    return judgement;
  }

  #forgetOldest(): void {
    const oldest = this.#entries.keys().next().value;
    if (oldest !== undefined) this.#forget(oldest);
  }

  #forget(voucherId: string): void {
    const entry = this.#entries.get(voucherId);
    if (entry === undefined) return;
    this.#entries.delete(voucherId);
    const ofNode = this.#byNode.get(entry.nodeId);
    if (ofNode?.delete(entry) === true && ofNode.size === 0) this.#byNode.delete(entry.nodeId);
  }
}

/** Mail signed in the last second of a certificate may live on for a lifetime. */
export function keepChainUntil(leaf: Pick<Certificate, 'notAfter'>): UnixMs {
  return (leaf.notAfter + LIFETIME_MAX_MS + HOUR_MS) as UnixMs;
}
