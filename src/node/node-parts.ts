import type { Instant } from '../base/time.ts';
import { ChainBook } from '../engine/gate/chain-book.ts';
import { CrlSync } from '../engine/gossip/crl-sync.ts';
import { DelegateBook } from '../engine/gate/delegate-book.ts';
import { Gate, type GateOutbox } from '../engine/gate/gate.ts';
import { Gossip, GOSSIP_DEFAULTS } from '../engine/gossip/gossip.ts';
import type { Link } from '../engine/links/link.ts';
import { Origins } from '../engine/gate/origins.ts';
import { Revocations } from '../engine/gate/revocations.ts';
import type { Address } from '../message/address.ts';
import type { Message } from '../message/message.ts';
import { ChainExchange, type ReadCertificate, readMeshCertificate } from './chain-exchange.ts';
import { Enforcement } from './enforcement.ts';
import type { FrameTakers } from './frame-router.ts';
import { Holdings } from './holdings.ts';
import { Intake } from './intake.ts';
import { Journal } from './journal.ts';
import { Neighbourhood, type NeighbourhoodOwner } from './neighbourhood.ts';
import type { MeshNodeOptions } from './node-options.ts';
import type { Statistics } from './statistics.ts';
import { HEAR_ALL_WALLETS } from './wallet-policy.ts';

export interface NodePartsPorts {
  readonly statistics: Statistics;
  isOwnAddress(address: Address): boolean;
  cloneMet(incarnation: number): void;
  isSaidElsewhere(message: Message): boolean;
  recordRefused(now: Instant): void;
  ownTakenBack(message: Message): void;
  /** Something may wait to be flushed. */
  wake(): void;
}

/** The engines and tables of one node, each told of those that it works with. */
export class NodeParts implements FrameTakers {
  readonly readCertificate: ReadCertificate;
  readonly chains: ChainBook;
  readonly origins: Origins;
  readonly exchange: ChainExchange;
  readonly holdings: Holdings;
  readonly gate: Gate;
  readonly neighbourhood: Neighbourhood;
  readonly gossip: Gossip;
  readonly crls: CrlSync;
  readonly journal: Journal;
  readonly intake: Intake;
  readonly enforcement: Enforcement;

  constructor(options: MeshNodeOptions, owner: NeighbourhoodOwner, ports: NodePartsPorts) {
    const { mesh, trust, random, outbox, store } = options;
    const { statistics } = ports;
    this.readCertificate = options.readCertificate ?? readMeshCertificate;
    const revocations = new Revocations(trust);
    const chains = new ChainBook(trust, revocations);
    const delegates = new DelegateBook(
      mesh,
      revocations,
      (nodeId) => chains.isRevoked(nodeId),
      options.addScalarToPoint,
    );
    const origins = new Origins(chains, delegates);
    const journal = new Journal(store, (ticket, changes) => outbox.persist(ticket, changes));
    const holdings = new Holdings(mesh, journal, {
      self: options.identity.nodeId,
      roles: options.roles,
      wallets: options.wallets ?? HEAR_ALL_WALLETS,
    });
    const judged: GateOutbox['judged'] = (now, source, message, verdict) => {
      this.intake.handleJudged(now, source, message, verdict);
      ports.wake();
    };
    this.exchange = new ChainExchange(origins, journal, this.readCertificate, {
      linkOf: (source) => this.neighbourhood.linkOf(source),
      charge: (now, neighbour) => this.gate.charge(now, neighbour),
      resume: (now, { message, source }) => this.gate.handleMessage(now, message, source),
      giveUp: judged,
    });
    this.neighbourhood = new Neighbourhood(owner, {
      chains,
      random,
      outbox,
      statistics,
      isOwnAddress: (address) => ports.isOwnAddress(address),
    });
    const gate: GateOutbox = {
      isFull: () => journal.isFull,
      verify: (ticket, key, message) => outbox.verify(ticket, key, message),
      judged,
      missingChain: (now, source, message) => this.exchange.handleMissing(now, source, message),
      newDelegate: (delegate, forgotten) => this.exchange.keepDelegate(delegate, forgotten),
      conflict: (_now, keptContentKey, message) => this.intake.handleConflict(keptContentKey, message),
    };
    const { authorRate, neighbourRate } = options;
    this.gate = new Gate(mesh, origins, holdings.messages, holdings.records, gate, authorRate, neighbourRate);
    const links = (): readonly Link[] => this.neighbourhood.links;
    this.crls = new CrlSync({
      crls: () => this.enforcement.crls(),
      knowsIssuer: (issuerKeyHash) => revocations.knowsIssuer(issuerKeyHash),
      links,
      install: (now, der, promised) => {
        const isOurs = this.enforcement.install(now, der, promised);
        ports.wake();
        return isOurs;
      },
    });
    const gossip = { ...GOSSIP_DEFAULTS, ...options.gossip };
    this.gossip = new Gossip(gossip, holdings.messages, random, {
      links,
      read: (arrival) => holdings.readForPeers(arrival),
      isWanted: (now, author) => this.gate.isWanted(now, author),
      crlHeaders: () => this.crls.headers(),
    });
    this.chains = chains;
    this.origins = origins;
    this.journal = journal;
    this.holdings = holdings;
    const { neighbourhood, crls } = this;
    this.intake = new Intake({
      self: options.identity.nodeId,
      statistics,
      neighbourhood,
      holdings,
      journal,
      gossip: this.gossip,
      crls,
      outbox,
      cloneMet: (incarnation) => ports.cloneMet(incarnation),
      isSaidElsewhere: (message) => ports.isSaidElsewhere(message),
      recordRefused: (now) => ports.recordRefused(now),
      ownTakenBack: (message) => ports.ownTakenBack(message),
    });
    this.enforcement = new Enforcement({
      revocations,
      origins,
      holdings,
      neighbourhood,
      journal,
      outbox,
      announce: () => crls.announce(),
    });
  }
}
