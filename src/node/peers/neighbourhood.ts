import type { Bytes } from '../../base/bytes.ts';
import { earliest, type Instant, type MonotonicMs } from '../../base/time.ts';
import type { ChainBook } from '../../engine/gate/chain-book.ts';
import { type Candidate, Connector } from '../../engine/links/connector.ts';
import type { ByeReason, HelloFrame } from '../../engine/links/frame.ts';
import type { Source } from '../../engine/gate/source.ts';
import type { Link, MeshFrame } from '../../engine/links/link.ts';
import type { LinkEnd } from '../../engine/links/link-end.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Address } from '../../message/payloads/address.ts';
import type { Random } from '../../ports/random.ts';
import { LinkTable, type LinkTableOwner } from './link-table.ts';
import type { NodeOutbox } from '../node-outbox.ts';
import { PeerTable } from './peer-table.ts';
import type { Statistics } from '../statistics.ts';

export interface NeighbourhoodOwner {
  readonly mesh: MeshName;
  readonly self: NodeId;
  helloFor(peer: NodeId): HelloFrame;
  /** A link with a peer stands. */
  linkUp(now: Instant, link: Link, hello: HelloFrame): void;
  /** A link that stood is over. */
  linkDown(link: Link): void;
  frame(now: Instant, link: Link, frame: MeshFrame): void;
}

export interface NeighbourhoodPorts {
  readonly chains: ChainBook;
  readonly random: Random;
  readonly outbox: NodeOutbox;
  readonly statistics: Statistics;
  isOwnAddress(address: Address): boolean;
}

/** Whom a node is linked with, whom it dials, and whom it has met: links, connector and peer table as one. */
export class Neighbourhood implements LinkTableOwner {
  readonly peersSeen = new PeerTable();
  readonly #owner: NeighbourhoodOwner;
  readonly #ports: NeighbourhoodPorts;
  readonly #links: LinkTable;
  readonly #connector: Connector;
  /** Our dials that have become links and wait for the hello, by link. */
  readonly #dialOfLink = new Map<number, number>();

  constructor(owner: NeighbourhoodOwner, ports: NeighbourhoodPorts) {
    this.#owner = owner;
    this.#ports = ports;
    this.#links = new LinkTable(this, ports.outbox, ports.random);
    this.#connector = new Connector(ports.random, {
      self: owner.self,
      isOwnAddress: (address) => ports.isOwnAddress(address),
      linkedNodes: () => this.#links.linkedNodes,
      outboundCount: () => this.#links.outboundCount,
      linkCount: () => this.#links.count,
      isRevoked: (nodeId) => ports.chains.isRevoked(nodeId),
      dial: (dial, { address, nodeId }) => ports.outbox.dial(dial, address, nodeId),
    });
  }

  get mesh(): MeshName {
    return this.#owner.mesh;
  }

  get self(): NodeId {
    return this.#owner.self;
  }

  /** Links that are up. */
  get links(): readonly Link[] {
    return this.#links.ups;
  }

  /** Places where nodes may listen, as far as known. */
  get candidates(): number {
    return this.#connector.size;
  }

  /** The link over which something came, as long as it stands. */
  linkOf(source: Source): Link | undefined {
    if (source.tag !== 'link') return undefined;
    const link = this.#links.ofPeer(source.peer);
    return link?.end.id === source.link ? link : undefined;
  }

  /**
   * Somebody says two things under one counter. Its own machine ought to know, and the other end of the link may be the
   * one that has never heard of either: it is sent both.
   */
  tellConflict(origin: NodeId, ...contents: readonly Bytes[]): void {
    const link = this.#links.ofPeer(origin);
    for (const bytes of contents) link?.sendMessage(bytes, origin);
  }

  handleLinkOpen(now: Instant, end: LinkEnd, dial: number | undefined): void {
    if (dial !== undefined) this.#dialOfLink.set(end.id, dial);
    if (end.peer.nodeId === this.self || this.#connector.isShunned(now, end.peer.nodeId)) {
      if (dial !== undefined) this.#connector.handleConnected(now, dial, end.peer.nodeId);
      this.#dialOfLink.delete(end.id);
      this.#ports.outbox.close(end.id);
      return;
    }
    if (this.#links.open(now, end) || dial === undefined) return;
    this.#dialOfLink.delete(end.id);
    this.#connector.handleDialFailed(now, dial);
  }

  handleLinkBytes(now: Instant, link: number, bytes: Bytes): void {
    this.#links.handleBytes(now, link, bytes);
  }

  handleLinkClosed(now: Instant, link: number): void {
    this.#links.handleClosed(now, link);
  }

  handleDialFailed(now: Instant, dial: number): void {
    this.#ports.statistics.dialsFailed++;
    this.#connector.handleDialFailed(now, dial);
  }

  handleCandidate(now: Instant, candidate: Candidate): void {
    this.#connector.handleCandidate(now, candidate);
  }

  /** A node's record says where it listens. */
  handleRecord(now: Instant, nodeId: NodeId, addresses: readonly Address[]): void {
    this.#connector.handleRecord(now, nodeId, addresses);
  }

  /** Ends links whose peer would be refused a handshake now: revoked, or expired while the link stood. */
  closeCondemned(now: Instant): void {
    const { chains } = this.#ports;
    this.#links.closeWhere(
      now,
      'revoked',
      ({ end }) => chains.judgePeer(end.peer.chain, now.wall, purposeOf(end)).tag === 'refused',
    );
  }

  /** A revoked node leaves every table. */
  forget(nodeId: NodeId): void {
    this.peersSeen.drop(nodeId);
    this.#connector.handleRevoked(nodeId);
  }

  /** Says goodbye to all peers. */
  leave(now: Instant): void {
    this.#links.closeWhere(now, 'leaving', () => true);
  }

  deadline(): MonotonicMs | undefined {
    return earliest(this.#links.deadline(), this.#connector.deadline());
  }

  handleTimeout(now: Instant): void {
    this.#links.handleTimeout(now);
    this.#connector.handleTimeout(now);
  }

  flush(): void {
    this.#links.flush();
  }

  // ---- LinkTableOwner ----------------------------------------------------------------------------------------

  helloFor(peer: NodeId): HelloFrame {
    return this.#owner.helloFor(peer);
  }

  linkUp(now: Instant, link: Link, hello: HelloFrame): void {
    const { outbox, statistics } = this.#ports;
    const { id, direction, remoteAddress } = link.end;
    statistics.linksUp++;
    const dial = this.#dialOfLink.get(id);
    this.#dialOfLink.delete(id);
    if (dial !== undefined) this.#connector.handleConnected(now, dial, link.peer);
    const address = hello.addresses[0] ?? (direction === 'outbound' ? remoteAddress : undefined);
    this.peersSeen.seen(link.peer, now.wall, address);
    outbox.event({ tag: 'link-up', link: id, peer: link.peer, direction, address: remoteAddress });
    this.#owner.linkUp(now, link, hello);
  }

  linkDown(now: Instant, link: Link, why: ByeReason, wasUp: boolean): void {
    const { chains, outbox, statistics } = this.#ports;
    const dial = this.#dialOfLink.get(link.end.id);
    this.#dialOfLink.delete(link.end.id);
    if (dial !== undefined) this.#connector.handleDialFailed(now, dial, why === 'full' && link.isEndedByPeer);
    if (why === 'misbehaved' || why === 'malformed') this.#connector.handleMisbehaved(now, link.peer);
    if (!wasUp) return;
    statistics.linksDown++;
    this.#owner.linkDown(link);
    this.#connector.handleLinkDown(now, link.peer, why, link.isEndedByPeer);
    if (!chains.isRevoked(link.peer)) this.peersSeen.seen(link.peer, now.wall, undefined);
    outbox.event({ tag: 'link-down', peer: link.peer, why });
  }

  frame(now: Instant, link: Link, frame: MeshFrame): void {
    this.#owner.frame(now, link, frame);
  }
}

function purposeOf({ direction }: LinkEnd): 'tls-server' | 'tls-client' {
  return direction === 'outbound' ? 'tls-server' : 'tls-client';
}
