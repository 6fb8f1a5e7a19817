import type { Bytes } from '../base/bytes.ts';
import { after, earliest, type Instant, MINUTE_MS, type MonotonicMs, SECOND_MS, type UnixMs } from '../base/time.ts';
import type { Candidate } from '../engine/links/connector.ts';
import type { HeldCrl } from '../engine/gossip/crl-sync.ts';
import type { Link } from '../engine/links/link.ts';
import type { LinkEnd } from '../engine/links/link-end.ts';
import { refusalOf } from '../engine/gate/verdict.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { Address } from '../message/payloads/address.ts';
import type { ComposedMessage, Message } from '../message/message.ts';
import type { Certificate } from '../pki/x509/certificate/certificate.ts';
import type { PathJudgement } from '../pki/mesh/judge.ts';
import type { NodeChange } from '../ports/node-store.ts';
import type { Voucher } from './peers/chain-exchange.ts';
import type { Holdings } from './keeping/holdings.ts';
import type { MeshNodeOptions } from './node-options.ts';
import { NodeParts } from './node-parts.ts';
import type { PeerTable } from './peers/peer-table.ts';
import { composeRequest, type PublishRequest, type SigningIdentity } from './publishing/publisher.ts';
import { restoreNode } from './restore.ts';
import type { Statistics } from './statistics.ts';

/** How often links with expired peers and chains that no mail needs any more are looked for. */
const SWEEP_MS = MINUTE_MS;
/** But where the node is awake anyhow, they are looked for from here on: no wake-up for this alone. */
const SWEEP_EARLY_MS = SWEEP_MS / 2;
/** A store that failed (a full disk, say) is tried again after this. */
const STORE_RETRY_MS = SECOND_MS;

/** How much of what a node keeps for a while there is now. */
export interface Backlog {
  /** Signature checks under way. */
  readonly checking: number;
  /** Messages that wait for a certificate. */
  readonly parked: number;
  /** Changes that are not durable yet. */
  readonly journal: number;
  /** Places where nodes may listen. */
  readonly candidates: number;
  readonly chains: number;
}

/**
 * One node of the mesh, without sockets, files, clocks or threads. The way of a message: `handleLinkBytes` →
 * frame → gate (judged) → held and journalled (kept) → gossip (to peers) → event (to programs).
 */
export class MeshNode {
  readonly mesh: MeshName;
  readonly self: NodeId;
  readonly roles: readonly string[];
  readonly statistics: Statistics;
  readonly #parts: NodeParts;
  #sweepAt: MonotonicMs;
  #storeRetryAt: MonotonicMs | undefined;

  constructor(now: Instant, options: MeshNodeOptions) {
    this.#parts = new NodeParts(now, options);
    this.mesh = this.#parts.mesh;
    this.self = this.#parts.self;
    this.roles = options.roles;
    this.statistics = this.#parts.statistics;
    this.#sweepAt = after(now.mono, SWEEP_MS);
    this.#parts.exchange.take(now, options.chain);
    restoreNode(now, options.start.restored, this.#parts);
  }

  // ---- links -------------------------------------------------------------------------------------------------

  /** The one judgement of a chain that a peer shows: for TLS and HTTP alike. */
  judgePeer(chain: readonly Certificate[], wall: UnixMs, purpose: 'tls-server' | 'tls-client'): PathJudgement {
    return this.#parts.chains.judgePeer(chain, wall, purpose);
  }

  /** TLS is up with a peer that was judged. `dial` where we dialled. */
  handleLinkOpen(now: Instant, end: LinkEnd, dial: number | undefined): void {
    this.#parts.neighbourhood.handleLinkOpen(now, end, dial);
  }

  handleLinkBytes(now: Instant, link: number, bytes: Bytes): void {
    this.#parts.neighbourhood.handleLinkBytes(now, link, bytes);
  }

  handleLinkClosed(now: Instant, link: number): void {
    this.#parts.neighbourhood.handleLinkClosed(now, link);
  }

  handleDialFailed(now: Instant, dial: number): void {
    this.#parts.neighbourhood.handleDialFailed(now, dial);
  }

  /** Somebody may listen there. */
  handleCandidate(now: Instant, candidate: Candidate): void {
    this.#parts.neighbourhood.handleCandidate(now, candidate);
  }

  /** Where we listen has changed. */
  setAddresses(now: Instant, addresses: readonly Address[]): void {
    this.#parts.own.setAddresses(now, addresses);
  }

  // ---- programs ----------------------------------------------------------------------------------------------

  /**
   * Says something in this node's name. Answered by `outbox.answer` once it is durable.
   * @throws what `composeRequest` throws, and what the gate refuses.
   */
  publish(now: Instant, request: number, what: PublishRequest): void {
    this.#parts.own.publish(now, request, what);
  }

  /** Takes a message that a member hands in over HTTP. Answered by `outbox.answer` once it is durable. */
  submit(now: Instant, request: number, message: Message, client: NodeId): void {
    this.#parts.gate.handleMessage(now, message, { tag: 'client', peer: client, request });
  }

  /**
   * Lays out a message for a member that signs it itself.
   * @throws what `composeRequest` throws, and what the gate would refuse once it is signed. The member's chain must be
   * known already, see {@link keepChain}.
   */
  prepare(now: Instant, client: SigningIdentity, what: PublishRequest): ComposedMessage {
    const place = this.#parts.prepared.nextPlace(now.wall, client.nodeId);
    const composed = composeRequest(this.mesh, client, place, what, now.wall);
    const verdict = this.#parts.gate.judgeDraft(now, composed, 0);
    if (verdict.tag !== 'accept') throw refusalOf(verdict);
    return composed;
  }

  /** Keeps a chain that a member showed over TLS, so that peers can fetch it. */
  keepChain(now: Instant, chain: readonly Certificate[]): void {
    this.#parts.exchange.take(now, chain);
  }

  /**
   * Takes a CRL from wherever it came: the authority's HTTP, a peer, a file.
   *
   * @returns whether it is a list of an issuer of this mesh; a list no newer than ours is fine and changes nothing.
   */
  installCrl(now: Instant, der: Bytes): boolean {
    return this.#parts.installCrl(now, der);
  }

  // ---- answers to what was asked of the world ------------------------------------------------------------------

  handleVerified(now: Instant, ticket: number, ok: boolean): void {
    this.#parts.gate.handleVerified(now, ticket, ok);
  }

  /** `signature` is absent where the key store failed. */
  handleSigned(now: Instant, ticket: number, signature: Bytes | undefined): void {
    this.#parts.own.handleSigned(now, ticket, signature);
  }

  /** @param ok false where the store failed: it is tried again after a while. */
  handlePersisted(now: Instant, ticket: number, ok: boolean): void {
    if (!ok) this.#storeRetryAt = after(now.mono, STORE_RETRY_MS);
    this.#parts.journal.handlePersisted(ticket, ok);
    this.#parts.wake();
  }

  // ---- time --------------------------------------------------------------------------------------------------

  /** When {@link handleTimeout} next has work. */
  deadline(now: Instant): MonotonicMs {
    const expiry = this.#parts.holdings.messages.nextExpiryAt;
    const expiryAt =
      expiry === undefined
        ? undefined
        : after(now.mono, Math.max(0, expiry - this.#parts.signedTime.forgetting(now).wall));
    const first = earliest(
      this.#parts.neighbourhood.deadline(),
      this.#parts.gossip.deadline(),
      this.#parts.exchange.deadline(),
      this.#parts.own.deadline(),
      this.#parts.journal.deadline(),
      this.#storeRetryAt,
      expiryAt,
    );
    return first !== undefined && first < this.#sweepAt ? first : this.#sweepAt;
  }

  handleTimeout(now: Instant): void {
    this.#parts.neighbourhood.handleTimeout(now);
    this.#parts.gossip.handleTimeout(now);
    this.#parts.exchange.handleTimeout(now);
    const forgetting = this.#parts.signedTime.forgetting(now);
    this.#parts.holdings.expire(forgetting.wall);
    this.#parts.own.handleTimeout(now);
    if (this.#storeRetryAt !== undefined && now.mono >= this.#storeRetryAt) {
      this.#storeRetryAt = undefined;
      this.#parts.journal.resume();
    }
    if (now.mono >= after(this.#sweepAt, SWEEP_EARLY_MS - SWEEP_MS)) {
      this.#sweepAt = after(now.mono, SWEEP_MS);
      this.#parts.neighbourhood.closeCondemned(now);
      this.#parts.exchange.sweep(forgetting);
      this.#parts.enforcement.sweep(forgetting);
    }
    this.#parts.wake();
  }

  /** Does what has gathered in this turn: messages to sign, frames to peers, and changes to the store whose time has come. */
  flush(now: Instant): void {
    this.#parts.own.flush();
    this.#parts.gossip.flush();
    this.#parts.exchange.flush();
    this.#parts.neighbourhood.flush();
    this.#parts.journal.flush(now.mono);
  }

  /** Says goodbye to all peers. @returns what is still to be written. */
  leave(now: Instant): readonly NodeChange[] {
    this.#parts.neighbourhood.leave(now);
    this.flush(now);
    return this.#parts.journal.takeGathered();
  }

  // ---- questions ---------------------------------------------------------------------------------------------

  get links(): readonly Link[] {
    return this.#parts.neighbourhood.links;
  }

  /** Messages, records and indicators held now. */
  get holdings(): Holdings {
    return this.#parts.holdings;
  }

  get peersSeen(): PeerTable {
    return this.#parts.neighbourhood.peersSeen;
  }

  get incarnation(): number {
    return this.#parts.own.incarnation;
  }

  /** See {@link SignedTime.newest}. */
  get signedAt(): UnixMs {
    return this.#parts.signedTime.newest;
  }

  get backlog(): Backlog {
    return {
      parked: this.#parts.exchange.parked,
      chains: this.#parts.chains.size,
      checking: this.#parts.gate.checking,
      journal: this.#parts.journal.backlog,
      candidates: this.#parts.neighbourhood.candidates,
    };
  }

  crls(): readonly HeldCrl[] {
    return this.#parts.enforcement.crls();
  }

  /** See {@link Enforcement.issuerOf}. */
  issuerOf(issuerKeyHash: string): Certificate | undefined {
    return this.#parts.enforcement.issuerOf(issuerKeyHash);
  }

  /** See {@link ChainExchange.voucherOf}. */
  voucherOf(voucherId: string): Voucher | undefined {
    return this.#parts.exchange.voucherOf(voucherId);
  }

  /** See {@link Enforcement.keptOf}. */
  keptRevocations(issuerKeyHash: string): number {
    return this.#parts.enforcement.keptOf(issuerKeyHash);
  }
}
