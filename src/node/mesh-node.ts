import type { Bytes } from '../base/bytes.ts';
import { isMeshError, messageOf } from '../base/errors.ts';
import { after, DAY_MS, earliest, HOUR_MS, type Instant, MINUTE_MS, type MonotonicMs, type UnixMs } from '../base/time.ts';
import { ChainBook, keepChainUntil } from '../engine/chain-book.ts';
import { type Candidate, Connector } from '../engine/connector.ts';
import { CrlSync, type HeldCrl } from '../engine/crl-sync.ts';
import { type ByeReason, CHAINS_ASKED_MAX, type HelloFrame, LINK_VERSION } from '../engine/frame.ts';
import { Gate, leafKeyOf, type Source } from '../engine/gate.ts';
import { Gossip, GOSSIP_DEFAULTS, type GossipConfig } from '../engine/gossip.ts';
import { type HeldMessage, HeldMessages } from '../engine/held-messages.ts';
import { type Link, type LinkEnd, type MeshFrame, WINDOW_BYTES } from '../engine/link.ts';
import { Parking } from '../engine/parking.ts';
import { RecordBook } from '../engine/record-book.ts';
import { Revocations } from '../engine/revocations.ts';
import { ERROR_OF_REASON, ignore, reject, type Verdict } from '../engine/verdict.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { Address } from '../message/address.ts';
import { parseMessageType } from '../message/family.ts';
import { LIFETIME_MAX_MS } from '../message/limits.ts';
import { type ComposedMessage, type Message, parseMessage } from '../message/message.ts';
import { encodeNodeRecord, type StreamExtent } from '../message/node-record.ts';
import { type Certificate, MESH_CERTIFICATE_BYTES_MAX, parseCertificate } from '../pki/certificate.ts';
import type { PathJudgement, Trust } from '../pki/judge.ts';
import type { NodeStore, RestoredNode } from '../ports/node-store.ts';
import type { Random } from '../ports/random.ts';
import { IndicatorSet, type ValidIndicator } from './indicator-set.ts';
import { Journal } from './journal.ts';
import { LinkTable, type LinkTableOwner } from './link-table.ts';
import type { NodeOutbox } from './node-outbox.ts';
import { PeerTable } from './peer-table.ts';
import { composeRequest, Publisher, type PublishRequest, type SigningIdentity } from './publisher.ts';
import { Statistics } from './statistics.ts';

/** A node's record is signed anew this often; it lives {@link LIFETIME_MAX_MS}, so that it is found after a long absence. */
const RECORD_REFRESH_MS = DAY_MS;
/** How often links with expired peers and chains that no mail needs any more are looked for. */
const SWEEP_MS = MINUTE_MS;

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
  readonly gossip?: Partial<GossipConfig>;
  /** Whether the node tells the mesh its addresses. Off only where a fleet's places are fixed and known. */
  readonly announce?: boolean;
}

/**
 * One node of the mesh, without sockets, files, clocks or threads. The way of a message: `handleLinkBytes` →
 * frame → gate (judged) → held and journalled (kept) → gossip (to peers) → event (to programs).
 */
export class MeshNode implements LinkTableOwner {
  readonly mesh: MeshName;
  readonly self: NodeId;
  readonly roles: readonly string[];
  readonly statistics = new Statistics();
  readonly #options: MeshNodeOptions;
  readonly #outbox: NodeOutbox;
  readonly #revocations: Revocations;
  readonly #chains: ChainBook;
  readonly #held = new HeldMessages();
  readonly #records = new RecordBook();
  readonly #indicators = new IndicatorSet();
  readonly #peers = new PeerTable();
  readonly #parking = new Parking();
  readonly #gate: Gate;
  readonly #links: LinkTable;
  readonly #gossip: Gossip;
  readonly #crls: CrlSync;
  readonly #connector: Connector;
  readonly #journal: Journal;
  readonly #publisher: Publisher;
  readonly #dialOfLink = new Map<number, number>();
  #addresses: readonly Address[];
  #announceAt: MonotonicMs | undefined;
  #sweepAt: MonotonicMs;

  constructor(now: Instant, options: MeshNodeOptions) {
    const { mesh, identity, trust, random, outbox, store } = options;
    this.mesh = mesh;
    this.self = identity.nodeId;
    this.roles = options.roles;
    this.#options = options;
    this.#outbox = outbox;
    this.#addresses = options.addresses;
    this.#revocations = new Revocations(trust);
    this.#chains = new ChainBook(trust, this.#revocations);
    this.#journal = new Journal(store, (ticket, changes) => outbox.persist(ticket, changes));
    this.#links = new LinkTable(this, outbox);
    this.#gate = new Gate(mesh, this.#chains, this.#held, this.#records, {
      verify: (ticket, key, message) => outbox.verify(ticket, key, message),
      judged: (at, source, message, verdict) => this.#judged(at, source, message, verdict),
      missingChain: (at, source, message) => this.#missingChain(at, source, message),
      conflict: (_at, keptContentKey, message) => this.#conflict(keptContentKey, message),
    });
    const links = (): readonly Link[] => this.#links.ups;
    this.#crls = new CrlSync({ crls: () => this.crls(), links, install: (at, der) => this.installCrl(at, der) });
    const gossip = { ...GOSSIP_DEFAULTS, ...options.gossip };
    const read = (contentKey: string): Bytes | undefined => this.#journal.read(contentKey);
    this.#gossip = new Gossip(gossip, this.#held, random, { links, read, crlHeaders: () => this.#crls.headers() });
    this.#connector = new Connector(random, {
      self: this.self,
      isOwnAddress: (address) => this.#addresses.includes(address),
      linkedNodes: () => this.#links.linkedNodes,
      outboundCount: () => this.#links.outboundCount,
      linkCount: () => this.#links.count,
      isRevoked: (nodeId) => this.#isRevoked(nodeId),
      dial: (dial, { address, nodeId }) => outbox.dial(dial, address, nodeId),
    });
    this.#publisher = new Publisher(mesh, identity, options.incarnation, (ticket, data) => outbox.sign(ticket, data));
    this.#sweepAt = after(now.mono, SWEEP_MS);
    this.#takeChain(now, options.chain);
    this.#restore(now, options.restored);
    if (options.announce !== false) this.#announceAt = now.mono;
  }

  // ---- links -------------------------------------------------------------------------------------------------

  /** The one judgement of a chain that a peer shows: for TLS and HTTP alike. */
  judgePeer(chain: readonly Certificate[], wall: UnixMs, purpose: 'tls-server' | 'tls-client'): PathJudgement {
    return this.#chains.judgePeer(chain, wall, purpose);
  }

  /** TLS is up with a peer that was judged. `dial` where we dialled. */
  handleLinkOpen(now: Instant, end: LinkEnd, dial: number | undefined): void {
    if (dial !== undefined) this.#dialOfLink.set(end.id, dial);
    if (end.peer.nodeId === this.self || this.#connector.isShunned(now, end.peer.nodeId)) {
      if (dial !== undefined) this.#connector.handleConnected(now, dial, end.peer.nodeId);
      this.#dialOfLink.delete(end.id);
      this.#outbox.close(end.id);
      return;
    }
    this.#links.open(now, end);
  }

  handleLinkBytes(now: Instant, link: number, bytes: Bytes): void {
    this.#links.handleBytes(now, link, bytes);
  }

  handleLinkClosed(now: Instant, link: number): void {
    this.#links.handleClosed(now, link);
  }

  handleDialFailed(now: Instant, dial: number): void {
    this.statistics.dialsFailed++;
    this.#connector.handleDialFailed(now, dial);
  }

  /** Somebody may listen there. */
  handleCandidate(now: Instant, candidate: Candidate): void {
    this.#connector.handleCandidate(now, candidate);
  }

  /** Where we listen has changed. */
  setAddresses(now: Instant, addresses: readonly Address[]): void {
    this.#addresses = addresses;
    if (this.#options.announce !== false) this.#announceAt = now.mono;
  }

  // ---- programs ----------------------------------------------------------------------------------------------

  /** Says something in this node's name. Answered by `outbox.answer` once it is durable. @throws what `composeRequest` throws. */
  publish(now: Instant, request: number, what: PublishRequest): void {
    this.#publisher.publish(now.wall, request, what);
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
    this.#takeChain(now, chain);
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

  handlePersisted(_now: Instant, ticket: number, ok: boolean): void {
    this.#journal.handlePersisted(ticket, ok);
    this.#wake();
  }

  // ---- time --------------------------------------------------------------------------------------------------

  /** When {@link handleTimeout} next has work. */
  deadline(now: Instant): MonotonicMs {
    const expiry = this.#held.nextExpiryAt;
    const expiryAt = expiry === undefined ? undefined : after(now.mono, Math.max(0, expiry - now.wall));
    const first = earliest(
      this.#links.deadline(),
      this.#gossip.deadline(),
      this.#connector.deadline(),
      this.#parking.deadline(),
      this.#announceAt,
      expiryAt,
    );
    return first !== undefined && first < this.#sweepAt ? first : this.#sweepAt;
  }

  handleTimeout(now: Instant): void {
    this.#links.handleTimeout(now);
    this.#gossip.handleTimeout(now);
    this.#connector.handleTimeout(now);
    for (const { source, message } of this.#parking.takeOverdue(now.mono)) this.#judged(now, source, message, ignore('unknown-origin'));
    for (const contentKey of this.#held.expire(now.wall)) this.#forget(contentKey);
    if (this.#announceAt !== undefined && now.mono >= this.#announceAt) this.#announce(now);
    if (now.mono >= this.#sweepAt) {
      this.#sweepAt = after(now.mono, SWEEP_MS);
      this.#closeCondemned(now);
      for (const leafHash of this.#chains.forgetEnded(now.wall)) this.#journal.add({ tag: 'drop-chain', leafHash });
    }
    this.#wake();
  }

  /** Writes what has gathered in this turn: frames to peers, changes to the store. */
  flush(): void {
    this.#gossip.flush();
    this.#links.flush();
    this.#journal.flush();
  }

  /** Says goodbye to all peers. */
  leave(now: Instant): void {
    this.#links.closeWhere(now, 'leaving', () => true);
    this.flush();
  }

  // ---- questions ---------------------------------------------------------------------------------------------

  get links(): readonly Link[] {
    return this.#links.ups;
  }

  get held(): HeldMessages {
    return this.#held;
  }

  get records(): RecordBook {
    return this.#records;
  }

  get peersSeen(): PeerTable {
    return this.#peers;
  }

  get incarnation(): number {
    return this.#publisher.incarnation;
  }

  get backlog(): { readonly checking: number; readonly journal: number; readonly candidates: number } {
    return { checking: this.#gate.checking, journal: this.#journal.backlog, candidates: this.#connector.size };
  }

  /** The message itself; `undefined` where it is not held any more. */
  read(contentKey: string): Message | undefined {
    const bytes = this.#held.get(contentKey) === undefined ? undefined : this.#journal.read(contentKey);
    return bytes === undefined ? undefined : parseMessage(this.mesh, bytes);
  }

  indicators(wall: UnixMs): ValidIndicator[] {
    return this.#indicators.valid(wall);
  }

  crls(): readonly HeldCrl[] {
    return this.#revocations.crls();
  }

  // ---- LinkTableOwner ----------------------------------------------------------------------------------------

  helloFor(peer: NodeId): HelloFrame {
    let heldIncarnation = 0;
    for (const { origin, incarnation } of this.#held.streams.values())
      if (origin === peer && incarnation > heldIncarnation) heldIncarnation = incarnation;
    return {
      tag: 'hello',
      version: LINK_VERSION,
      mesh: this.mesh,
      nodeId: this.self,
      software: this.#options.software,
      addresses: this.#addresses.slice(0, 8),
      crls: this.#crls.headers(),
      heldIncarnation,
      windowBytes: WINDOW_BYTES,
    };
  }

  linkUp(now: Instant, link: Link, hello: HelloFrame): void {
    this.statistics.linksUp++;
    const { direction, remoteAddress, peer } = link.end;
    const dial = this.#dialOfLink.get(link.end.id);
    this.#dialOfLink.delete(link.end.id);
    if (dial !== undefined) this.#connector.handleConnected(now, dial, link.peer);
    const address = hello.addresses[0] ?? (direction === 'outbound' ? remoteAddress : undefined);
    this.#peers.seen(link.peer, now.wall, address);
    this.#takeChain(now, peer.chain);
    this.#outbox.event({ tag: 'link-up', peer: link.peer, direction, address: remoteAddress });
    const reopened = this.#publisher.handleHeldIncarnation(now, hello.heldIncarnation);
    if (reopened !== undefined) this.#journal.add({ tag: 'put-incarnation', incarnation: reopened });
    this.#crls.handleHeaders(now, link, hello.crls);
    this.#gossip.handleLinkUp(now, link);
  }

  linkDown(now: Instant, link: Link, why: ByeReason, wasUp: boolean): void {
    const dial = this.#dialOfLink.get(link.end.id);
    this.#dialOfLink.delete(link.end.id);
    if (dial !== undefined) this.#connector.handleDialFailed(now, dial);
    if (why === 'misbehaved' || why === 'malformed') this.#connector.handleMisbehaved(now, link.peer);
    if (!wasUp) return;
    this.statistics.linksDown++;
    this.#gossip.handleLinkDown(link);
    this.#crls.handleLinkDown(link);
    this.#connector.handleLinkDown(now, link.peer);
    if (!this.#isRevoked(link.peer)) this.#peers.seen(link.peer, now.wall, undefined);
    this.#outbox.event({ tag: 'link-down', peer: link.peer, why });
  }

  frame(now: Instant, link: Link, frame: MeshFrame): void {
    switch (frame.tag) {
      case 'message':
        return this.#gate.handleBytes(now, frame.bytes, { tag: 'link', link: link.end.id, peer: link.peer, bytesLength: frame.bytes.length });
      case 'have':
        return this.#gossip.handleHave(now, link, frame.keys);
      case 'want':
        return this.#gossip.handleWant(link, frame.keys);
      case 'pull':
        this.#crls.handleHeaders(now, link, frame.crls);
        return this.#gossip.handlePull(link, frame);
      case 'pull-same':
        return this.#gossip.handlePullSame(link, frame.id);
      case 'pull-differs':
        return this.#gossip.handlePullDiffers(link, frame.id);
      case 'digest':
        return this.#gossip.handleDigest(now, link, frame);
      case 'pull-done':
        return this.#gossip.handlePullDone(now, link, frame.id, frame.more);
      case 'want-chains':
        return this.#sendChains(link, frame.leafKeys);
      case 'chain':
        return this.#handleChain(now, link, frame.certificates);
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
    const link = source.tag === 'link' ? this.#links.ofPeer(source.peer) : undefined;
    if (source.tag === 'link' && link?.end.id === source.link) {
      link.handleConsumed(source.bytesLength);
      if (verdict.tag === 'reject') link.handleReject(now);
      if (verdict.tag === 'ignore' && verdict.reason === 'revoked-origin') this.#crls.remind(now, link);
    }
    if (verdict.tag === 'accept' && message !== undefined) this.#keep(now, message, source);
    if (source.tag !== 'link' && message !== undefined) this.#answer(source.request, message, verdict);
    this.#wake();
  }

  #keep(now: Instant, message: Message, source: Source): void {
    const { held, evicted } = this.#held.put(message, leafKeyOf(message), now.wall);
    const { contentKey, arrival, receivedAt, expiresAt } = held;
    this.#journal.add({ tag: 'put-message', message: { contentKey, arrival, receivedAt, expiresAt, bytes: message.bytes } });
    if (evicted !== undefined) this.#forget(evicted);
    if (source.tag === 'self') this.statistics.published++;
    this.#index(now, held, message);
    this.#gossip.handleAccepted(now, held, message.bytes, source.tag === 'self' ? undefined : source.peer);
    this.#outbox.event({ tag: 'message', held, message });
  }

  /** What else the node knows by a message. */
  #index(now: Instant, held: HeldMessage, message: Message): void {
    this.#indicators.put(held, message.payload);
    if (message.type.family !== 'record') return;
    const older = this.#records.put(message);
    if (older !== undefined) this.#drop(older.contentKey);
    if (message.origin === this.self) return;
    const record = this.#records.get(message.origin)?.record;
    for (const { incarnation, firstLive } of record?.streams ?? [])
      for (const stream of this.#held.streams.values())
        if (stream.origin === message.origin && stream.incarnation === incarnation) this.#held.settleBelow(stream.key, firstLive);
    for (const address of record?.addresses ?? []) this.#connector.handleCandidate(now, { address, source: 'record', nodeId: message.origin });
  }

  #answer(request: number, message: Message, verdict: Verdict): void {
    if (verdict.tag !== 'accept' && verdict.reason !== 'duplicate' && verdict.reason !== 'superseded') {
      this.#outbox.answer(request, { tag: 'refused', code: ERROR_OF_REASON[verdict.reason], detail: verdict.detail ?? verdict.reason });
      return;
    }
    this.#journal.whenDurable((ok) => {
      if (ok) this.#outbox.answer(request, { tag: 'ok', messageId: message.id });
      else this.#outbox.answer(request, { tag: 'refused', code: 'ERR_INTERNAL', detail: 'the store could not write' });
    });
  }

  #conflict(keptContentKey: string, message: Message): void {
    this.statistics.conflicts++;
    const { origin, id: messageId, contentKey } = message;
    this.#outbox.event({ tag: 'conflict', origin, messageId, keptContentKey, contentKey });
  }

  // ---- certificates of others ----------------------------------------------------------------------------------

  #missingChain(now: Instant, source: Source, message: Message): void {
    const link = source.tag === 'link' ? this.#links.ofPeer(source.peer) : undefined;
    if (link === undefined) return this.#judged(now, source, message, ignore('unknown-origin'));
    const outcome = this.#parking.park(now.mono, { message, source });
    if (outcome === 'full') return this.#judged(now, source, message, ignore('unknown-origin', 'too many wait for certificates'));
    if (outcome === 'ask') link.send({ tag: 'want-chains', leafKeys: [leafKeyOf(message)] });
  }

  #sendChains(link: Link, leafKeys: readonly string[]): void {
    for (const leafKey of leafKeys.slice(0, CHAINS_ASKED_MAX)) {
      const known = this.#chains.get(leafKey);
      if (known !== undefined) link.send({ tag: 'chain', certificates: known.chain.map((certificate) => certificate.der) });
    }
  }

  #handleChain(now: Instant, link: Link, ders: readonly Bytes[]): void {
    try {
      const chain = ders.map((der) => parseCertificate(der.slice(), MESH_CERTIFICATE_BYTES_MAX));
      const leafKey = chain[0]?.fingerprintHex;
      if (leafKey === undefined || !this.#parking.expects(leafKey)) return; // not asked for, or too late
      if (this.#takeChain(now, chain)) return;
      for (const { source, message } of this.#parking.release(leafKey)) this.#judged(now, source, message, reject('wrong-origin', 'its certificate is not of this mesh'));
    } catch (error) {
      if (!isMeshError(error)) throw error;
      link.handleReject(now);
    }
  }

  #takeChain(now: Instant, chain: readonly Certificate[]): boolean {
    const taken = this.#chains.add(chain, now.wall);
    if ('refused' in taken) return false;
    const { known, isNew } = taken;
    if (isNew) {
      const keepUntil = keepChainUntil(known.chain[0] as Certificate);
      this.#journal.add({ tag: 'put-chain', leafHash: known.leafKey, chain: chain.map((certificate) => certificate.der), keepUntil });
    }
    for (const { source, message } of this.#parking.release(known.leafKey)) this.#gate.handleMessage(now, message, source);
    return true;
  }

  // ---- revocation ----------------------------------------------------------------------------------------------

  /** A revocation is an effect: links close, mail goes, tables forget (design.md section 2). */
  #enforceRevocations(now: Instant): void {
    this.#closeCondemned(now);
    for (const held of Array.from(this.#held.values())) {
      const message = { origin: held.origin, leafHash: Uint8Array.fromHex(held.leafKey), issuedAt: held.issuedAt };
      if (this.#chains.judgeOrigin(message).tag !== 'revoked') continue;
      this.#drop(held.contentKey);
      if (held.type === 'record') this.#records.drop(held.contentKey, held.origin);
    }
    for (const nodeId of this.#chains.revokedNodes()) {
      this.#peers.drop(nodeId);
      this.#connector.handleRevoked(nodeId);
    }
  }

  /** Ends links whose peer would be refused a handshake now: revoked, or expired while the link stood. */
  #closeCondemned(now: Instant): void {
    this.#links.closeWhere(now, 'revoked', (link) => this.judgePeer(link.end.peer.chain, now.wall, purposeOf(link.end)).tag === 'refused');
  }

  #isRevoked(nodeId: NodeId): boolean {
    return this.#chains.isRevoked(nodeId);
  }

  // ---- keeping and forgetting ----------------------------------------------------------------------------------

  #drop(contentKey: string): void {
    if (this.#held.drop(contentKey) !== undefined) this.#forget(contentKey);
  }

  /** A message is no longer held: out of the store and of what was known by it. */
  #forget(contentKey: string): void {
    this.#indicators.drop(contentKey);
    this.#journal.add({ tag: 'drop-message', contentKey });
  }

  #restore(now: Instant, restored: RestoredNode): void {
    for (const ders of restored.chains) this.#chains.add(ders.map((der) => parseCertificate(der, MESH_CERTIFICATE_BYTES_MAX)), now.wall);
    for (const der of restored.crls) this.#revocations.install(der);
    for (const { contentKey, arrival, receivedAt, bytes } of restored.messages) {
      const message = parseMessage(this.mesh, bytes);
      if (message.expiresAt <= now.wall || this.#chains.judgeOrigin(message).tag !== 'ok') {
        this.#journal.add({ tag: 'drop-message', contentKey });
        continue;
      }
      const { held } = this.#held.put(message, leafKeyOf(message), receivedAt, arrival);
      this.#index(now, held, message);
    }
  }

  #announce(now: Instant): void {
    this.#announceAt = after(now.mono, RECORD_REFRESH_MS);
    if (this.#addresses.length === 0) return;
    const { name, software: version } = this.#options;
    const payload = encodeNodeRecord({ addresses: this.#addresses, name, version, streams: this.#ownStreams() });
    try {
      this.#publisher.publish(now.wall, 0, { type: parseMessageType('record'), payload, ttlMs: LIFETIME_MAX_MS });
    } catch (error) {
      if (!isMeshError(error)) throw new Error(`record: ${messageOf(error)}`, { cause: error });
      this.#announceAt = after(now.mono, HOUR_MS);
    }
  }

  #ownStreams(): StreamExtent[] {
    const extents: StreamExtent[] = [];
    for (const { origin, incarnation, live } of this.#held.streams.values()) {
      if (origin !== this.self || live.size === 0) continue;
      const counters = Array.from(live.keys());
      extents.push({ incarnation, firstLive: Math.min(...counters), next: Math.max(...counters) + 1 });
    }
    return extents.sort((a, b) => a.incarnation - b.incarnation);
  }

  #wake(): void {
    if (this.#journal.backlog > 0) this.#outbox.wake();
  }
}

function purposeOf({ direction }: LinkEnd): 'tls-server' | 'tls-client' {
  return direction === 'outbound' ? 'tls-server' : 'tls-client';
}
