import type { Bytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { after, earliest, type Instant, MINUTE_MS, type MonotonicMs, SECOND_MS, type UnixMs } from '../base/time.ts';
import { ChainBook } from '../engine/chain-book.ts';
import type { Candidate } from '../engine/connector.ts';
import { CrlSync, type HeldCrl } from '../engine/crl-sync.ts';
import { HELLO_ADDRESSES_MAX, type HelloFrame, LINK_VERSION } from '../engine/frame.ts';
import { Gate, type Source } from '../engine/gate.ts';
import { Gossip, GOSSIP_DEFAULTS, type GossipConfig } from '../engine/gossip.ts';
import { type Link, type LinkEnd, type MeshFrame, WINDOW_BYTES } from '../engine/link.ts';
import { Revocations } from '../engine/revocations.ts';
import { ERROR_OF_REASON, type Verdict } from '../engine/verdict.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { Address } from '../message/address.ts';
import type { ComposedMessage, Message } from '../message/message.ts';
import type { Certificate } from '../pki/certificate.ts';
import type { PathJudgement, Trust } from '../pki/judge.ts';
import type { NodeStore, RestoredNode } from '../ports/node-store.ts';
import type { Random } from '../ports/random.ts';
import { ChainExchange, type ReadCertificate, readMeshCertificate } from './chain-exchange.ts';
import { Holdings } from './holdings.ts';
import { Journal } from './journal.ts';
import { Neighbourhood, type NeighbourhoodOwner } from './neighbourhood.ts';
import type { NodeOutbox } from './node-outbox.ts';
import type { PeerTable } from './peer-table.ts';
import { composeRequest, Publisher, type PublishRequest, type SigningIdentity } from './publisher.ts';
import { SelfRecord } from './self-record.ts';
import { Statistics } from './statistics.ts';

/** How often links with expired peers and chains that no mail needs any more are looked for. */
const SWEEP_MS = MINUTE_MS;
/** A store that failed (a full disk, say) is tried again after this. */
const STORE_RETRY_MS = SECOND_MS;

/** What a node is made of. */
export interface MeshNodeOptions {
  readonly mesh: MeshName;
  readonly identity: SigningIdentity;
  /** Leaf first. */
  readonly chain: readonly Certificate[];
  readonly roles: readonly string[];
  /** A name for people. */
  readonly name: string;
  readonly software: string;
  /** Where others reach us; may be set later. */
  readonly addresses: readonly Address[];
  /** As {@link nextIncarnation} gave it, durable already. */
  readonly incarnation: number;
  readonly trust: Trust;
  readonly store: NodeStore;
  readonly restored: RestoredNode;
  readonly random: Random;
  readonly outbox: NodeOutbox;
  /** Where many nodes share one process, so that each certificate is read once. By default {@link readMeshCertificate}. */
  readonly readCertificate?: ReadCertificate;
  readonly gossip?: Partial<GossipConfig>;
  /** Whether the node tells the mesh its addresses. Off only where a fleet's places are fixed and known. */
  readonly announce?: boolean;
}

/**
 * One node of the mesh, without sockets, files, clocks or threads. The way of a message: `handleLinkBytes` →
 * frame → gate (judged) → held and journalled (kept) → gossip (to peers) → event (to programs).
 */
export class MeshNode implements NeighbourhoodOwner {
  readonly mesh: MeshName;
  readonly self: NodeId;
  readonly roles: readonly string[];
  readonly statistics = new Statistics();
  readonly #options: MeshNodeOptions;
  readonly #outbox: NodeOutbox;
  readonly #readCertificate: ReadCertificate;
  readonly #revocations: Revocations;
  readonly #chains: ChainBook;
  readonly #exchange: ChainExchange;
  readonly #holdings: Holdings;
  readonly #gate: Gate;
  readonly #neighbourhood: Neighbourhood;
  readonly #gossip: Gossip;
  readonly #crls: CrlSync;
  readonly #journal: Journal;
  readonly #publisher: Publisher;
  readonly #record: SelfRecord;
  #sweepAt: MonotonicMs;
  #storeRetryAt: MonotonicMs | undefined;

  constructor(now: Instant, options: MeshNodeOptions) {
    const { mesh, identity, trust, random, outbox, store } = options;
    this.mesh = mesh;
    this.self = identity.nodeId;
    this.roles = options.roles;
    this.#options = options;
    this.#outbox = outbox;
    this.#readCertificate = options.readCertificate ?? readMeshCertificate;
    this.#revocations = new Revocations(trust);
    this.#chains = new ChainBook(trust, this.#revocations);
    this.#journal = new Journal(store, (ticket, changes) => outbox.persist(ticket, changes));
    this.#holdings = new Holdings(mesh, this.#journal);
    this.#exchange = new ChainExchange(this.#chains, this.#journal, this.#readCertificate, {
      linkOf: (source) => this.#neighbourhood.linkOf(source),
      resume: (at, { message, source }) => this.#gate.handleMessage(at, message, source),
      giveUp: (at, source, message, verdict) => this.#judged(at, source, message, verdict),
    });
    this.#neighbourhood = new Neighbourhood(this, {
      chains: this.#chains,
      random,
      outbox,
      statistics: this.statistics,
      isOwnAddress: (address) => this.#record.addresses.includes(address),
    });
    const { messages, records } = this.#holdings;
    this.#gate = new Gate(mesh, this.#chains, messages, records, {
      isFull: () => this.#journal.isFull,
      verify: (ticket, key, message) => outbox.verify(ticket, key, message),
      judged: (at, source, message, verdict) => this.#judged(at, source, message, verdict),
      missingChain: (at, source, message) => this.#exchange.handleMissing(at, source, message),
      conflict: (_at, keptContentKey, message) => this.#conflict(keptContentKey, message),
    });
    const links = (): readonly Link[] => this.#neighbourhood.links;
    this.#crls = new CrlSync({
      crls: () => this.crls(),
      knowsIssuer: (issuerKeyHash) => this.#revocations.knowsIssuer(issuerKeyHash),
      links,
      install: (at, der) => this.installCrl(at, der),
    });
    const gossip = { ...GOSSIP_DEFAULTS, ...options.gossip };
    const read = (contentKey: string): Bytes | undefined => this.#holdings.bytesOf(contentKey);
    this.#gossip = new Gossip(gossip, messages, random, { links, read, crlHeaders: () => this.#crls.headers() });
    this.#publisher = new Publisher(mesh, identity, options.incarnation, (ticket, data) => outbox.sign(ticket, data));
    this.#record = new SelfRecord(now, {
      name: options.name,
      version: options.software,
      addresses: options.addresses,
      isTold: options.announce !== false,
      streams: () => this.#holdings.extentsOf(this.self),
      publish: (at, what) => this.#publisher.publish(at.wall, 0, what, NO_PRICE),
    });
    this.#sweepAt = after(now.mono, SWEEP_MS);
    this.#exchange.take(now, options.chain);
    this.#restore(now, options.restored);
  }

  // ---- links -------------------------------------------------------------------------------------------------

  /** The one judgement of a chain that a peer shows: for TLS and HTTP alike. */
  judgePeer(chain: readonly Certificate[], wall: UnixMs, purpose: 'tls-server' | 'tls-client'): PathJudgement {
    return this.#chains.judgePeer(chain, wall, purpose);
  }

  /** TLS is up with a peer that was judged. `dial` where we dialled. */
  handleLinkOpen(now: Instant, end: LinkEnd, dial: number | undefined): void {
    this.#neighbourhood.handleLinkOpen(now, end, dial);
  }

  handleLinkBytes(now: Instant, link: number, bytes: Bytes): void {
    this.#neighbourhood.handleLinkBytes(now, link, bytes);
  }

  handleLinkClosed(now: Instant, link: number): void {
    this.#neighbourhood.handleLinkClosed(now, link);
  }

  handleDialFailed(now: Instant, dial: number): void {
    this.#neighbourhood.handleDialFailed(now, dial);
  }

  /** Somebody may listen there. */
  handleCandidate(now: Instant, candidate: Candidate): void {
    this.#neighbourhood.handleCandidate(now, candidate);
  }

  /** Where we listen has changed. */
  setAddresses(now: Instant, addresses: readonly Address[]): void {
    this.#record.setAddresses(now, addresses);
  }

  // ---- programs ----------------------------------------------------------------------------------------------

  /**
   * Says something in this node's name. Answered by `outbox.answer` once it is durable.
   * @throws what `composeRequest` throws, and what the gate refuses.
   */
  publish(now: Instant, request: number, what: PublishRequest): void {
    this.#publisher.publish(now.wall, request, what, (draft, underWay) => {
      const verdict = this.#gate.admitOwn(now, draft, underWay + this.#gate.checking);
      if (verdict.tag !== 'accept') throw refusalOf(verdict);
    });
  }

  /** Takes a message that a member hands in over HTTP. Answered by `outbox.answer` once it is durable. */
  submit(now: Instant, request: number, message: Message, client: NodeId): void {
    this.#gate.handleMessage(now, message, { tag: 'client', peer: client, request });
  }

  /** Lays out a message for a member that signs it itself. Its stream is one of its own for each second. */
  prepare(now: Instant, client: SigningIdentity, what: PublishRequest): ComposedMessage {
    const place = { incarnation: Math.floor(now.wall / 1_000), counter: this.#options.random.below(2 ** 31) };
    return composeRequest(this.mesh, client, place, what, now.wall);
  }

  /** Keeps a chain that a member showed over TLS, so that peers can fetch it. */
  keepChain(now: Instant, chain: readonly Certificate[]): void {
    this.#exchange.take(now, chain);
  }

  /**
   * Takes a CRL from wherever it came: the authority's HTTP, a peer, a file.
   *
   * @returns whether it is a list of an issuer of this mesh; a list no newer than ours is fine and changes nothing.
   */
  installCrl(now: Instant, der: Bytes): boolean {
    const outcome = this.#revocations.install(der);
    if (outcome.tag !== 'installed') return outcome.tag === 'current';
    const { issuerKeyHash, number } = outcome;
    this.#journal.add({ tag: 'put-crl', issuerKeyHash, der });
    this.#outbox.event({ tag: 'crl', issuerKeyHash, number });
    this.#enforceRevocations(now);
    this.#crls.announce();
    this.#wake();
    return true;
  }

  // ---- answers to what was asked of the world ------------------------------------------------------------------

  handleVerified(now: Instant, ticket: number, ok: boolean): void {
    this.#gate.handleVerified(now, ticket, ok);
  }

  /** `signature` is absent where the key store failed. */
  handleSigned(now: Instant, ticket: number, signature: Bytes | undefined): void {
    const signed = this.#publisher.handleSigned(ticket, signature);
    if (signed === undefined) return;
    const { request, message } = signed;
    if (message !== undefined) this.#gate.handleMessage(now, message, { tag: 'self', request });
    else this.#outbox.answer(request, { tag: 'refused', code: 'ERR_INTERNAL', detail: 'the key store could not sign' });
  }

  /** @param ok false where the store failed: it is tried again after a while. */
  handlePersisted(now: Instant, ticket: number, ok: boolean): void {
    if (!ok) this.#storeRetryAt = after(now.mono, STORE_RETRY_MS);
    this.#journal.handlePersisted(ticket, ok);
    this.#wake();
  }

  // ---- time --------------------------------------------------------------------------------------------------

  /** When {@link handleTimeout} next has work. */
  deadline(now: Instant): MonotonicMs {
    const expiry = this.#holdings.messages.nextExpiryAt;
    const expiryAt = expiry === undefined ? undefined : after(now.mono, Math.max(0, expiry - now.wall));
    const first = earliest(
      this.#neighbourhood.deadline(),
      this.#gossip.deadline(),
      this.#exchange.deadline(),
      this.#record.deadline(),
      this.#storeRetryAt,
      expiryAt,
    );
    return first !== undefined && first < this.#sweepAt ? first : this.#sweepAt;
  }

  handleTimeout(now: Instant): void {
    this.#neighbourhood.handleTimeout(now);
    this.#gossip.handleTimeout(now);
    this.#exchange.handleTimeout(now);
    this.#holdings.expire(now.wall);
    this.#record.handleTimeout(now);
    if (this.#storeRetryAt !== undefined && now.mono >= this.#storeRetryAt) {
      this.#storeRetryAt = undefined;
      this.#journal.resume();
    }
    if (now.mono >= this.#sweepAt) {
      this.#sweepAt = after(now.mono, SWEEP_MS);
      this.#neighbourhood.closeCondemned(now);
      this.#exchange.sweep(now);
    }
    this.#wake();
  }

  /** Writes what has gathered in this turn: frames to peers, changes to the store. */
  flush(): void {
    this.#gossip.flush();
    this.#neighbourhood.flush();
    this.#journal.flush();
  }

  /** Says goodbye to all peers. */
  leave(now: Instant): void {
    this.#neighbourhood.leave(now);
    this.flush();
  }

  // ---- questions ---------------------------------------------------------------------------------------------

  get links(): readonly Link[] {
    return this.#neighbourhood.links;
  }

  /** Messages, records and indicators held now. */
  get holdings(): Holdings {
    return this.#holdings;
  }

  get peersSeen(): PeerTable {
    return this.#neighbourhood.peersSeen;
  }

  get incarnation(): number {
    return this.#publisher.incarnation;
  }

  get backlog(): { readonly checking: number; readonly journal: number; readonly candidates: number } {
    return {
      checking: this.#gate.checking,
      journal: this.#journal.backlog,
      candidates: this.#neighbourhood.candidates,
    };
  }

  crls(): readonly HeldCrl[] {
    return this.#revocations.crls();
  }

  // ---- NeighbourhoodOwner ------------------------------------------------------------------------------------

  helloFor(peer: NodeId): HelloFrame {
    return {
      tag: 'hello',
      version: LINK_VERSION,
      mesh: this.mesh,
      nodeId: this.self,
      software: this.#options.software,
      addresses: this.#record.addresses.slice(0, HELLO_ADDRESSES_MAX),
      crls: this.#crls.headers(),
      heldIncarnation: this.#holdings.incarnationOf(peer),
      windowBytes: WINDOW_BYTES,
    };
  }

  linkUp(now: Instant, link: Link, hello: HelloFrame): void {
    this.#exchange.take(now, link.end.peer.chain);
    const reopened = this.#publisher.handleHeldIncarnation(now, hello.heldIncarnation);
    if (reopened !== undefined) this.#journal.add({ tag: 'put-incarnation', incarnation: reopened });
    this.#crls.handleHeaders(now, link, hello.crls);
    this.#gossip.handleLinkUp(now, link);
  }

  linkDown(link: Link): void {
    this.#gossip.handleLinkDown(link);
    this.#crls.handleLinkDown(link);
  }

  frame(now: Instant, link: Link, frame: MeshFrame): void {
    switch (frame.tag) {
      case 'message':
        return this.#gate.handleBytes(now, frame.bytes, {
          tag: 'link',
          link: link.end.id,
          peer: link.peer,
          bytesLength: frame.bytes.length,
        });
      case 'have':
        return this.#gossip.handleHave(now, link, frame.keys);
      case 'want':
        return this.#gossip.handleWant(link, frame.keys);
      case 'pull':
        this.#crls.handleHeaders(now, link, frame.crls);
        return this.#gossip.handlePull(now, link, frame);
      case 'pull-same':
        return this.#gossip.handlePullSame(link, frame.id);
      case 'pull-differs':
        return this.#gossip.handlePullDiffers(now, link, frame.id);
      case 'digest':
        return this.#gossip.handleDigest(now, link, frame);
      case 'pull-done':
        return this.#gossip.handlePullDone(now, link, frame.id, frame.more);
      case 'want-chains':
        return this.#exchange.handleWantChains(link, frame.leafKeys);
      case 'chain':
        return this.#exchange.handleChain(now, link, frame.certificates);
      case 'crls':
        return this.#crls.handleHeaders(now, link, frame.crls);
      case 'want-crl':
        return this.#crls.handleWant(link, frame);
      case 'crl-piece':
        return this.#crls.handlePiece(now, link, frame);
    }
  }

  // ---- the way of a message ------------------------------------------------------------------------------------

  #judged(now: Instant, source: Source, message: Message | undefined, verdict: Verdict): void {
    this.statistics.countVerdict(verdict);
    const link = this.#neighbourhood.linkOf(source);
    if (link !== undefined && source.tag === 'link') {
      link.handleConsumed(source.bytesLength);
      if (verdict.tag === 'reject') link.handleReject(now);
      if (verdict.tag === 'ignore' && verdict.reason === 'revoked-origin') this.#crls.remind(now, link);
    }
    if (verdict.tag === 'accept' && message !== undefined) this.#accept(now, message, source);
    if (source.tag !== 'link' && message !== undefined) this.#answer(source.request, message, verdict);
    this.#wake();
  }

  #accept(now: Instant, message: Message, source: Source): void {
    const held = this.#holdings.keep(now, message);
    if (source.tag === 'self') this.statistics.published++;
    if (message.type.family === 'record') this.#learnAddresses(now, message.origin);
    this.#gossip.handleAccepted(now, held, message.bytes, source.tag === 'self' ? undefined : source.peer);
    this.#outbox.event({ tag: 'message', held, message });
  }

  #learnAddresses(now: Instant, nodeId: NodeId): void {
    this.#neighbourhood.handleRecord(now, nodeId, this.#holdings.records.get(nodeId)?.record.addresses ?? []);
  }

  #answer(request: number, message: Message, verdict: Verdict): void {
    if (verdict.tag !== 'accept' && verdict.reason !== 'duplicate' && verdict.reason !== 'superseded') {
      const { code, message: detail } = refusalOf(verdict);
      this.#outbox.answer(request, { tag: 'refused', code, detail });
      return;
    }
    this.#journal.whenDurable((ok) => {
      if (ok) this.#outbox.answer(request, { tag: 'ok', messageId: message.id });
      else this.#outbox.answer(request, { tag: 'refused', code: 'ERR_INTERNAL', detail: 'the store could not write' });
    });
  }

  #conflict(keptContentKey: string, message: Message): void {
    this.statistics.conflicts++;
    const kept = this.#holdings.read(keptContentKey);
    if (kept === undefined) return;
    this.#outbox.event({ tag: 'conflict', origin: message.origin, messageId: message.id, kept, refused: message });
  }

  // ---- revocation ----------------------------------------------------------------------------------------------

  /** A revocation is an effect: links close, mail goes, tables forget (design.md section 2). */
  #enforceRevocations(now: Instant): void {
    this.#neighbourhood.closeCondemned(now);
    this.#holdings.dropRevoked(this.#chains);
    for (const nodeId of this.#chains.revokedNodes()) this.#neighbourhood.forget(nodeId);
  }

  // ---- start ------------------------------------------------------------------------------------------------

  #restore(now: Instant, restored: RestoredNode): void {
    for (const ders of restored.chains)
      this.#chains.add(
        ders.map((der) => this.#readCertificate(der)),
        now.wall,
      );
    for (const der of restored.crls) this.#revocations.install(der);
    this.#holdings.restore(now.wall, restored, this.#chains);
    for (const { nodeId } of this.#holdings.records.values()) this.#learnAddresses(now, nodeId);
  }

  #wake(): void {
    if (this.#journal.backlog > 0) this.#outbox.wake();
  }
}

/** A refusal as those are told who wait for an answer. */
function refusalOf(verdict: Exclude<Verdict, { readonly tag: 'accept' }>): MeshError {
  const { reason } = verdict;
  const code = reason === 'duplicate' || reason === 'superseded' ? 'ERR_MESSAGE_CONFLICT' : ERROR_OF_REASON[reason];
  return new MeshError(code, verdict.detail ?? reason);
}

/** A node's own record is part of being a node. */
const NO_PRICE = (): void => undefined;
