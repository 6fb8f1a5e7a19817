import { after, earliest, type Instant, type MonotonicMs, SECOND_MS } from '../../base/time.ts';
import { Conducts } from '../../engine/links/conduct.ts';
import { INBOUND_MAX, LINKS_MAX, OUTBOUND_TARGET } from '../../engine/links/connector.ts';
import type { ByeReason, HelloFrame } from '../../engine/links/frame.ts';
import { Link, type LinkOutbox, type MeshFrame } from '../../engine/links/link.ts';
import type { LinkEnd } from '../../engine/links/link-end.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Random } from '../../ports/random.ts';
import type { NodeOutbox } from '../node-outbox.ts';

/**
 * Links that have finished TLS but not their hello: strangers cannot get here, members may be many at once. With more the
 * peer that has most of them loses its oldest: who opens link after link and says nothing shuts out nobody else (T4).
 */
export const LINKS_OPENING_MAX = 32;

/** Who has a place for a peer asks it for news at once; who says nothing for so long after its hello has none. @tuning */
const TRIAL_MS_MAX = 5 * SECOND_MS;

/** A link whose peer has said no more than its hello. */
interface Trial {
  readonly link: Link;
  readonly hello: HelloFrame;
  readonly until: MonotonicMs;
}

export interface LinkTableOwner {
  readonly mesh: MeshName;
  readonly self: NodeId;
  helloFor(peer: NodeId): HelloFrame;
  linkUp(now: Instant, link: Link, hello: HelloFrame): void;
  linkDown(now: Instant, link: Link, why: ByeReason, wasUp: boolean): void;
  frame(now: Instant, link: Link, frame: MeshFrame): void;
}

/** The links of a node: one a peer, so many and no more, each written to once a turn. */
export class LinkTable implements LinkOutbox {
  readonly #owner: LinkTableOwner;
  readonly #outbox: Pick<NodeOutbox, 'write' | 'close' | 'wake'>;
  readonly #random: Random;
  readonly #conducts = new Conducts();
  readonly #links = new Map<number, Link>();
  readonly #byPeer = new Map<NodeId, Link>();
  readonly #dirty = new Set<Link>();
  /** One link of our choice more than we want, until its peer shows that it has a place for us: no link yet. */
  #trial: Trial | undefined;
  /** The values of `#byPeer`, until these change. */
  #ups: readonly Link[] | undefined;
  /** No link has work before: exact when it was set; a link that is heard puts its work off. `undefined`: not known. */
  #idleUntil: MonotonicMs | undefined;

  constructor(owner: LinkTableOwner, outbox: Pick<NodeOutbox, 'write' | 'close' | 'wake'>, random: Random) {
    this.#random = random;
    this.#owner = owner;
    this.#outbox = outbox;
  }

  /** Links that are up. */
  get ups(): readonly Link[] {
    this.#ups ??= Array.from(this.#byPeer.values());
    return this.#ups;
  }

  get linkedNodes(): ReadonlySet<NodeId> {
    return new Set(this.#byPeer.keys());
  }

  get count(): number {
    return this.#links.size;
  }

  get outboundCount(): number {
    return this.#upsOf('outbound').length;
  }

  ofPeer(nodeId: NodeId): Link | undefined {
    return this.#byPeer.get(nodeId);
  }

  /**
   * TLS is up and the peer judged: say hello.
   * @returns false where there is no room, or the peer opens links too often: the link is closed at once.
   */
  open(now: Instant, end: LinkEnd): boolean {
    const { nodeId } = end.peer;
    const conduct = this.#conducts.of(now.mono, nodeId);
    const isTooOften = end.direction === 'inbound' && !conduct.openings.take(now.mono);
    if (isTooOften || !this.#hasOpeningPlace(now)) {
      this.#outbox.close(end.id);
      return false;
    }
    this.#links.set(end.id, new Link(now, end, this.#owner.mesh, this.#owner.helloFor(nodeId), this, conduct));
    this.#idleUntil = undefined;
    return true;
  }

  handleBytes(now: Instant, id: number, bytes: Uint8Array): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    if (link.isAsked) this.#idleUntil = undefined; // an answer brings its next question nearer
    link.handleBytes(now, bytes);
  }

  /** The socket is gone. */
  handleClosed(now: Instant, id: number): void {
    const link = this.#links.get(id);
    if (link !== undefined) this.#remove(now, link, 'idle');
  }

  /** Ends all links that the judgement condemns, at once. */
  closeWhere(now: Instant, why: ByeReason, condemned: (link: Link) => boolean): void {
    for (const link of Array.from(this.#links.values())) if (condemned(link)) link.close(now, why);
  }

  /** Writes what has gathered, one piece a link. */
  flush(): void {
    for (const link of this.#dirty) {
      const output = link.takeOutput();
      if (output !== undefined) this.#outbox.write(link.end.id, output);
      if (link.isClosed) this.#outbox.close(link.end.id);
    }
    this.#dirty.clear();
  }

  /** When {@link handleTimeout} next may have work. */
  deadline(): MonotonicMs | undefined {
    this.#idleUntil ??= this.#firstDeadline();
    return this.#idleUntil;
  }

  #firstDeadline(): MonotonicMs | undefined {
    let first: MonotonicMs | undefined;
    for (const link of this.#links.values()) {
      const deadline = link.deadline();
      if (first === undefined || (deadline !== undefined && deadline < first)) first = deadline;
    }
    return earliest(first, this.#trial?.until);
  }

  handleTimeout(now: Instant): void {
    this.#idleUntil = undefined;
    for (const link of Array.from(this.#links.values())) link.handleTimeout(now);
    const trial = this.#trial;
    if (trial !== undefined && now.mono >= trial.until) trial.link.close(now, 'full');
  }

  up(now: Instant, link: Link, hello: HelloFrame): void {
    const before = this.#byPeer.get(link.peer);
    const twin = before ?? (this.#trial?.link.peer === link.peer ? this.#trial.link : undefined);
    if (twin !== undefined) {
      if (!this.#replaces(now, link, twin)) return link.close(now, 'twin');
      twin.close(now, 'twin');
    }
    // Who has a place for us already has given that one up for this one: it needs no trial.
    if (before === undefined && this.#isSurplus(link)) this.#try(now, link, hello);
    else this.#take(now, link, hello);
  }

  frame(now: Instant, link: Link, frame: MeshFrame): void {
    const trial = this.#trial;
    if (link === trial?.link) {
      this.#trial = undefined; // its peer has a place for us
      this.#take(now, link, trial.hello);
    }
    if (link.isClosed) return;
    this.#owner.frame(now, link, frame);
  }

  closed(now: Instant, link: Link, why: ByeReason): void {
    this.dirty(link);
    this.#remove(now, link, why);
  }

  dirty(link: Link): void {
    if (this.#dirty.size === 0) this.#outbox.wake();
    this.#dirty.add(link);
  }

  /** Of those that dialled us and have not said hello, the oldest of the peer with most gives way where there are too many. */
  #hasOpeningPlace(now: Instant): boolean {
    if (this.#links.size - this.#byPeer.size < LINKS_OPENING_MAX) return true;
    const opening = Array.from(this.#links.values()).filter(({ isUp, end }) => !isUp && end.direction === 'inbound');
    let most: readonly Link[] = [];
    for (const ofPeer of Map.groupBy(opening, ({ peer }) => peer).values())
      if (ofPeer.length > most.length) most = ofPeer;
    most[0]?.close(now, 'full');
    return most.length > 0;
  }

  /**
   * Of the places for peers that dial us, one becomes free where somebody holds it who has brought nothing for a while:
   * else a few who came first could keep all others out (T4).
   */
  #hasPlaceFor(now: Instant, { end: { direction } }: Link): boolean {
    const isFull = this.#byPeer.size >= LINKS_MAX;
    const inbound = this.#upsOf('inbound');
    const isPlaceShort = isFull || (direction === 'inbound' && inbound.length >= INBOUND_MAX);
    if (!isPlaceShort) return true;
    const leaving =
      direction === 'outbound'
        ? this.#leastUseful(now, inbound)
        : this.#anyOf(inbound.filter((link) => link.isDispensable(now)));
    leaving?.close(now, 'full');
    return leaving !== undefined;
  }

  /**
   * More links of our own choice than we want. The hello of a peer says nothing of whether it has a place for us, because
   * it was sent before ours came; whatever it says next does. No link is given for one that does not come to be.
   */
  #try(now: Instant, link: Link, hello: HelloFrame): void {
    this.#trial?.link.close(now, 'full');
    this.#trial = { link, hello, until: after(now.mono, TRIAL_MS_MAX) };
    this.#idleUntil = undefined;
  }

  /**
   * Where there is a place for it, or one that may be made free. Who dials a node that had dialled it takes another place
   * than it had: none that is kept for the node's choice (T4).
   */
  #take(now: Instant, link: Link, hello: HelloFrame): void {
    if (this.#isSurplus(link)) this.#leastUseful(now, this.#upsOf('outbound'))?.close(now, 'full');
    else if (!this.#hasPlaceFor(now, link)) return link.close(now, 'full');
    this.#byPeer.set(link.peer, link);
    this.#ups = undefined;
    this.#owner.linkUp(now, link, hello);
  }

  /** One of our choice, and one more than we want. */
  #isSurplus({ end: { direction } }: Link): boolean {
    return direction === 'outbound' && this.outboundCount >= OUTBOUND_TARGET;
  }

  /** By chance one of those that have brought nothing for a while; else the one whose last news is oldest (T4). */
  #leastUseful(now: Instant, links: readonly Link[]): Link | undefined {
    const dispensable = this.#anyOf(links.filter((link) => link.isDispensable(now)));
    if (dispensable !== undefined) return dispensable;
    const oldest = Math.min(...links.map(({ newsAt }) => newsAt ?? 0));
    return this.#anyOf(links.filter(({ newsAt }) => (newsAt ?? 0) === oldest));
  }

  #anyOf(links: readonly Link[]): Link | undefined {
    return links[links.length === 0 ? 0 : this.#random.below(links.length)];
  }

  /**
   * Both sides dialled: both keep the link that the lower id dialled; of two by the same side, the newer. Where one has
   * stood for a while the peer that dials does not have it any more, or is another machine with the same key, which that
   * one must not keep out for ever (T24): the newer stays.
   */
  #replaces(now: Instant, link: Link, twin: Link): boolean {
    if (twin.isSettled(now)) return true;
    const dialler = (of: Link): NodeId => (of.end.direction === 'outbound' ? this.#owner.self : of.peer);
    return dialler(link) === dialler(twin) || dialler(link) < dialler(twin);
  }

  #remove(now: Instant, link: Link, why: ByeReason): void {
    this.#links.delete(link.end.id);
    if (link === this.#trial?.link) this.#trial = undefined;
    const wasUp = this.#byPeer.get(link.peer) === link;
    if (wasUp) this.#byPeer.delete(link.peer);
    this.#ups = undefined;
    this.#owner.linkDown(now, link, why, wasUp);
  }

  #upsOf(direction: LinkEnd['direction']): readonly Link[] {
    return this.ups.filter(({ end }) => end.direction === direction);
  }
}
