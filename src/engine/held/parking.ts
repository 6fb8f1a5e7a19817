import { after, earliest, type MonotonicMs, SECOND_MS } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { isSameCopy, type Message } from '../../message/message.ts';
import { LINKS_MAX } from '../links/connector.ts';
import type { Source } from '../gate/source.ts';

/** Messages of one neighbour that may wait: a few a stranger, enough for the burst that follows a partition. */
export const PARKED_PER_PEER_MAX = 64;
/** Messages that wait for a certificate: so many that neighbours who make up strangers take no places of others (T3). */
export const PARKED_MAX = LINKS_MAX * PARKED_PER_PEER_MAX;
/** Certificates asked for at once. A neighbour with fewer than others takes a place of the one that has most (T3). */
export const PARKED_CHAINS_MAX = 128;
/** A neighbour that has the message has its chain: longer silence of all of them means that it will not come. */
export const PARKED_MS_MAX = 10 * SECOND_MS;
/** After this another neighbour that has the message is asked too: one that does not answer must not hold it up. */
export const ASK_AGAIN_MS = 2 * SECOND_MS;

/** Messages come from links here: who hands one in himself shows his chain with it. */
export type LinkSource = Extract<Source, { readonly tag: 'link' }>;

export interface Parked {
  readonly message: Message;
  readonly source: LinkSource;
}

/** A certificate that is to be asked of a neighbour. */
export interface Asking {
  readonly voucherId: string;
  readonly source: LinkSource;
}

interface Waiting {
  readonly until: MonotonicMs;
  readonly messages: Parked[];
  /** Neighbours that have shown to have a message under this certificate: the first was asked last, or never. */
  readonly sources: LinkSource[];
  askedAt: MonotonicMs;
  /** The neighbour among whose certificates it counts. */
  owner: NodeId;
}

/** Messages whose signer's certificate has been asked for. What does not fit is dropped; a pull brings it again. */
export class Parking {
  readonly #waiting = new Map<string, Waiting>();
  readonly #perPeer = new Map<NodeId, number>();
  readonly #owned = new Map<NodeId, number>();
  #displaced: Parked[] = [];
  #count = 0;

  /** Messages that wait. */
  get size(): number {
    return this.#count;
  }

  /**
   * @returns 'ask' where nobody has been asked for this certificate yet; 'copy' where the same message waits already,
   *   'full' where there is no place: in both cases it was not kept. What gave way to it is in {@link takeDisplaced}.
   */
  park(now: MonotonicMs, parked: Parked): 'ask' | 'wait' | 'copy' | 'full' {
    const { message, source } = parked;
    const { voucherId } = message;
    const waiting = this.#waiting.get(voucherId);
    if (waiting?.messages.some((other) => isSameCopy(other.message, message)) === true) {
      if (waiting.sources.every(({ peer }) => peer !== source.peer)) waiting.sources.unshift(source);
      return 'copy';
    }
    const ofPeer = this.#perPeer.get(source.peer) ?? 0;
    if (this.#count >= PARKED_MAX || ofPeer >= PARKED_PER_PEER_MAX) return 'full';
    if (waiting === undefined && this.#waiting.size >= PARKED_CHAINS_MAX && !this.#makeRoomFor(source.peer))
      return 'full';
    this.#count++;
    add(this.#perPeer, source.peer, 1);
    if (waiting !== undefined) {
      waiting.messages.push(parked);
      if (waiting.sources.every(({ peer }) => peer !== source.peer)) waiting.sources.unshift(source);
      return 'wait';
    }
    this.#waiting.set(voucherId, {
      until: after(now, PARKED_MS_MAX),
      messages: [parked],
      sources: [source],
      askedAt: now,
      owner: source.peer,
    });
    add(this.#owned, source.peer, 1);
    return 'ask';
  }

  /** What gave way to messages of neighbours that had fewer certificates. */
  takeDisplaced(): readonly Parked[] {
    const displaced = this.#displaced;
    this.#displaced = [];
    return displaced;
  }

  /** Whether this certificate has been asked for. */
  expects(voucherId: string): boolean {
    return this.#waiting.has(voucherId);
  }

  /** The certificate is there, or will not come: gives back what waited for it. */
  release(voucherId: string): readonly Parked[] {
    const waiting = this.#waiting.get(voucherId);
    if (waiting === undefined) return [];
    this.#waiting.delete(voucherId);
    this.#count -= waiting.messages.length;
    add(this.#owned, waiting.owner, -1);
    for (const { source } of waiting.messages) add(this.#perPeer, source.peer, -1);
    return waiting.messages;
  }

  /** When {@link takeOverdue} or {@link takeAskings} next have work. */
  deadline(): MonotonicMs | undefined {
    let first: MonotonicMs | undefined;
    for (const { until, askedAt } of this.#waiting.values())
      first = earliest(first, until, after(askedAt, ASK_AGAIN_MS));
    return first;
  }

  /** What has waited too long. */
  takeOverdue(now: MonotonicMs): Parked[] {
    const overdue: Parked[] = [];
    for (const [voucherId, { until }] of this.#waiting) {
      if (until > now) break; // in the order in which they were asked for
      overdue.push(...this.release(voucherId));
    }
    return overdue;
  }

  /** Whom to ask again: each neighbour that has such a message in turn. */
  takeAskings(now: MonotonicMs): Asking[] {
    const askings: Asking[] = [];
    for (const [voucherId, waiting] of this.#waiting) {
      if (after(waiting.askedAt, ASK_AGAIN_MS) > now) continue;
      const source = waiting.sources.shift() as LinkSource;
      waiting.sources.push(source);
      waiting.askedAt = now;
      askings.push({ voucherId, source });
    }
    return askings;
  }

  /**
   * Lets the newest certificate of the neighbour that has most give way to one of `peer`. Where a neighbour with fewer
   * waits for it too, it counts as that one's from now on instead: liars cannot have displaced what honest ones wait
   * for by being the first to ask. Each such step evens out the counts, so that there are few.
   *
   * @returns false where `peer` itself has its share.
   */
  #makeRoomFor(peer: NodeId): boolean {
    for (;;) {
      const [greediest, most] = Array.from(this.#owned).reduce((a, b) => (b[1] > a[1] ? b : a));
      if (most <= this.#ownedBy(peer) + 1) return false;
      const [voucherId, newest] = Array.from(this.#waiting).findLast(([, { owner }]) => owner === greediest) as [
        string,
        Waiting,
      ];
      const heir = newest.sources.find((source) => this.#ownedBy(source.peer) + 1 < most);
      if (heir === undefined) {
        this.#displaced.push(...this.release(voucherId));
        return true;
      }
      add(this.#owned, greediest, -1);
      add(this.#owned, heir.peer, 1);
      newest.owner = heir.peer;
    }
  }

  #ownedBy(peer: NodeId): number {
    return this.#owned.get(peer) ?? 0;
  }
}

function add(counts: Map<NodeId, number>, peer: NodeId, more: 1 | -1): void {
  const count = (counts.get(peer) ?? 0) + more;
  if (count > 0) counts.set(peer, count);
  else counts.delete(peer);
}
