import type { Bytes } from '../base/bytes.ts';
import type { Instant } from '../base/time.ts';
import { ChainBook } from '../engine/gate/chain-book.ts';
import { DelegateBook } from '../engine/gate/delegate-book.ts';
import { Gate, type GateOutbox } from '../engine/gate/gate.ts';
import { Origins } from '../engine/gate/origins.ts';
import { type CrlPromise, Revocations } from '../engine/gate/revocations.ts';
import { CrlSync, type CrlSyncWorld } from '../engine/gossip/crl-sync.ts';
import { Gossip, GOSSIP_DEFAULTS, type GossipWorld } from '../engine/gossip/gossip.ts';
import { HELLO_ADDRESSES_MAX, type HelloFrame, LINK_VERSION } from '../engine/links/frame.ts';
import type { Link, MeshFrame } from '../engine/links/link.ts';
import { WINDOW_BYTES } from '../engine/links/credit.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { NodeId } from '../identity/node-id.ts';
import {
  ChainExchange,
  type ChainExchangeOwner,
  type ReadCertificate,
  readMeshCertificate,
} from './peers/chain-exchange.ts';
import { Enforcement } from './enforcement.ts';
import { type FrameTakers, routeFrame } from './peers/frame-router.ts';
import { Holdings } from './keeping/holdings.ts';
import { Intake } from './intake.ts';
import { Journal } from './keeping/journal.ts';
import { Neighbourhood, type NeighbourhoodOwner } from './peers/neighbourhood.ts';
import { type MeshNodeOptions, NODE_SETTINGS } from './node-options.ts';
import type { NodeOutbox } from './node-outbox.ts';
import { OwnMessages } from './publishing/own-messages.ts';
import { PreparedStreams } from './publishing/prepared-streams.ts';
import { SignedTime } from './time/signed-time.ts';
import { Statistics } from './statistics.ts';

/**
 * The engines and tables of one node, made of its options here and nowhere else. The constructor names them in the order
 * in which they stand on each other; where one asks something of a later one, a method below it says what.
 */
export class NodeParts implements FrameTakers, NeighbourhoodOwner {
  readonly mesh: MeshName;
  readonly self: NodeId;
  readonly statistics = new Statistics();
  readonly outbox: NodeOutbox;
  readonly readCertificate: ReadCertificate;
  readonly signedTime: SignedTime;
  readonly revocations: Revocations;
  readonly chains: ChainBook;
  readonly origins: Origins;
  readonly journal: Journal;
  readonly holdings: Holdings;
  readonly gate: Gate;
  readonly exchange: ChainExchange;
  readonly neighbourhood: Neighbourhood;
  readonly crls: CrlSync;
  readonly gossip: Gossip;
  readonly enforcement: Enforcement;
  readonly own: OwnMessages;
  readonly prepared: PreparedStreams;
  readonly intake: Intake;
  readonly #software: string;

  constructor(now: Instant, options: MeshNodeOptions) {
    const { trust, identity, roles, random, outbox, store } = options;
    const { mesh } = trust;
    const settings = { ...NODE_SETTINGS, ...options.settings };
    this.mesh = mesh;
    this.self = identity.nodeId;
    this.outbox = outbox;
    this.#software = options.software;
    this.readCertificate = options.readCertificate ?? readMeshCertificate;

    // judging
    this.signedTime = new SignedTime(now);
    this.revocations = new Revocations(trust);
    this.chains = new ChainBook(trust, this.revocations);
    const isRevoked = (nodeId: NodeId): boolean => this.chains.isRevoked(nodeId);
    const delegates = new DelegateBook(mesh, this.revocations, isRevoked, options.addScalarToPoint);
    this.origins = new Origins(this.chains, delegates);

    // keeping
    this.journal = new Journal(store, (ticket, changes) => outbox.persist(ticket, changes));
    this.holdings = new Holdings(mesh, this.journal, { self: this.self, roles, wallets: settings.wallets });
    const { messages, records } = this.holdings;
    const { authorRate, neighbourRate } = settings;
    this.gate = new Gate(
      { mesh, origins: this.origins, held: messages, records, authorRate, neighbourRate },
      this.#gateOutbox(),
    );

    // peers
    this.exchange = new ChainExchange(this.origins, this.journal, this.readCertificate, this.#exchangeOwner());
    this.neighbourhood = new Neighbourhood(this, {
      chains: this.chains,
      random,
      outbox,
      statistics: this.statistics,
      isOwnAddress: (address) => this.own.addresses.includes(address),
    });
    this.crls = new CrlSync(this.#crlWorld());
    this.gossip = new Gossip({ ...GOSSIP_DEFAULTS, ...settings.gossip }, messages, random, this.#gossipWorld());

    // effects
    this.enforcement = new Enforcement(this);
    this.own = new OwnMessages(now, options, settings, this);
    this.prepared = new PreparedStreams(random, messages.streams);
    this.intake = new Intake(this);
  }

  /** Something may wait to be flushed. */
  wake(): void {
    if (this.journal.backlog > 0) this.outbox.wake();
  }

  /** See {@link Enforcement.install}. */
  installCrl(now: Instant, der: Bytes, promised?: CrlPromise): boolean {
    const isOurs = this.enforcement.install(now, der, promised);
    this.wake();
    return isOurs;
  }

  // ---- what parts ask of those that stand on them --------------------------------------------------------------

  #gateOutbox(): GateOutbox {
    return {
      isFull: () => this.journal.isFull,
      verify: (ticket, key, message) => this.outbox.verify(ticket, key, message),
      judged: (now, source, message, verdict, alsoFrom) => this.#judged(now, source, message, verdict, alsoFrom),
      missingChain: (now, source, message) => this.exchange.handleMissing(now, source, message),
      newDelegate: (delegate, forgotten) => this.exchange.keepDelegate(delegate, forgotten),
      conflict: (_now, keptContentKey, message) => this.intake.handleConflict(keptContentKey, message),
    };
  }

  #exchangeOwner(): ChainExchangeOwner {
    return {
      linkOf: (source) => this.neighbourhood.linkOf(source),
      charge: (now, neighbour) => this.gate.charge(now, neighbour),
      resume: (now, { message, source }) => this.gate.handleMessage(now, message, source),
      giveUp: (now, source, message, verdict) => this.#judged(now, source, message, verdict),
      signed: (now, at) => this.signedTime.handleSigned(now, at),
    };
  }

  #crlWorld(): CrlSyncWorld {
    return {
      crls: () => this.enforcement.crls(),
      knowsIssuer: (issuerKeyHash) => this.revocations.knowsIssuer(issuerKeyHash),
      links: () => this.neighbourhood.links,
      install: (now, der, promised) => this.installCrl(now, der, promised),
    };
  }

  #gossipWorld(): GossipWorld {
    return {
      links: () => this.neighbourhood.links,
      read: (arrival) => this.holdings.readForPeers(arrival),
      isWanted: (now, author) => this.gate.isWanted(now, author),
      vouch: (now, link, voucherId) => this.exchange.vouch(now, link, voucherId),
      crlHeaders: () => this.crls.headers(),
    };
  }

  #judged(...[now, source, message, verdict, alsoFrom]: Parameters<GateOutbox['judged']>): void {
    this.intake.handleJudged(now, source, message, verdict, alsoFrom);
    this.wake();
  }

  // ---- NeighbourhoodOwner ------------------------------------------------------------------------------------

  helloFor(peer: NodeId): HelloFrame {
    return {
      tag: 'hello',
      version: LINK_VERSION,
      mesh: this.mesh,
      nodeId: this.self,
      software: this.#software,
      addresses: this.own.addresses.slice(0, HELLO_ADDRESSES_MAX),
      crls: this.crls.headers(),
      heldIncarnation: this.holdings.incarnationOf(peer),
      windowBytes: WINDOW_BYTES,
    };
  }

  linkUp(now: Instant, link: Link, hello: HelloFrame): void {
    this.exchange.take(now, link.end.peer.chain);
    this.own.handleHeldIncarnation(now, hello.heldIncarnation);
    this.crls.handleHeaders(now, link, hello.crls);
    this.gossip.handleLinkUp(now, link);
    // Pulls compare counters, not contents: a peer that has a clone finds out by what we heard of that (T24).
    const last = this.holdings.lastOf(link.peer);
    if (last !== undefined) link.sendMessage(last, link.peer);
  }

  linkDown(link: Link): void {
    this.gossip.handleLinkDown(link);
    this.crls.handleLinkDown(link);
  }

  frame(now: Instant, link: Link, frame: MeshFrame): void {
    routeFrame(now, link, frame, this);
  }
}
