import { after, earliest, type Instant, type MonotonicMs, SECOND_MS } from '../../base/time.ts';
import { type BucketRate, TokenBucket } from '../../base/token-bucket.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { jittered, type Random, sample } from '../../ports/random.ts';
import type { CrlHeader, Frame } from '../links/frame.ts';
import type { HeldMessage } from '../held/held-message.ts';
import type { HeldMessages } from '../held/held-messages.ts';
import type { Link } from '../links/link.ts';
import { Offers } from './offers.ts';
import { PULL_ANSWER_BYTES_MAX, PullAnswers } from './pull-answers.ts';
import { digestPages } from './pull-digest.ts';

/** Larger messages are offered by key first; below, asking would cost as much as sending. */
export const PUSH_WHOLE_BYTES_MAX = 1_024 + 512;
/**
 * Messages that are pushed to every peer, with what vouches for their signer where it may be new to them, and not to a
 * few: in a large mesh the last node then has them in half as many hops, and nobody waits for a pull. A busy mesh has no
 * need of it, and pays for no more: five copies a second, 8 KB at the very most.
 */
export const EAGER_RATE: BucketRate = Object.freeze({ tokensPerSecond: 1, burstTokens: 16 });
/**
 * A peer that does not begin its answer in this time is not waited for: three bytes that overtake every message. The next
 * time it has twice as long, up to {@link PULL_MS_MAX}: the way to it may be a slow one.
 */
export const PULL_BEGIN_MS_MAX = 2 * SECOND_MS;
/** A peer that does not finish its answer in this time is not waited for. */
export const PULL_MS_MAX = 10 * SECOND_MS;

/** Before asking on for the rest of a large answer: time to judge the first part, so that it is not sent twice. */
const AGAIN_MS = 100;

export interface GossipConfig {
  /** Peers that a new message is pushed to, and peers pulled from in a round. */
  readonly fanout: number;
  /** Between two rounds of pulls while there is news. Too low: digests fill slow links; too high: the last few wait. */
  readonly pullMsMin: number;
  /** Between two rounds while nothing changes: how late a push lost on all paths is made good. */
  readonly pullMsMax: number;
  /** Added for each stream held, so that large digests are sent less often. */
  readonly pullMsPerStream: number;
}

export const GOSSIP_DEFAULTS: GossipConfig = Object.freeze({
  fanout: 3,
  pullMsMin: 1_000,
  pullMsMax: 30_000,
  pullMsPerStream: 5,
});

export interface GossipWorld {
  /** Links that are up. */
  links(): readonly Link[];
  /** The bytes of the message that is held in this place of arrival. */
  read(arrival: number): Uint8Array | undefined;
  /** Whether a message of this author would be taken now: its budget here is not spent, and there is room for it. */
  isWanted(now: Instant, author: NodeId): boolean;
  /** Sends what vouches for a signer who has not spoken before, so that the peer may not know it. */
  vouch(now: Instant, link: Link, voucherId: string): void;
  /** Our CRLs, told with every pull: revocations first. */
  crlHeaders(): readonly CrlHeader[];
}

/** Whom the messages of one author that came from one side are passed on to in this turn. */
interface Choice {
  readonly origin: NodeId;
  readonly from: NodeId | undefined;
  readonly links: readonly Link[];
  readonly chosen: readonly Link[];
}

interface Pull {
  readonly id: number;
  readonly link: Link;
  readonly until: MonotonicMs;
  /** The peer has said that we differ, and has our digest. */
  readonly isBegun: boolean;
  /** Something that came meanwhile was not taken for want of budget or room: more would not be either. */
  isRefused: boolean;
}

/**
 * How messages spread: pushed at once to a few peers, and repaired by rounds of pulls that compare what two
 * nodes hold (spec 05). It moves only what the gate has accepted.
 */
export class Gossip {
  readonly #config: GossipConfig;
  readonly #held: HeldMessages;
  readonly #random: Random;
  readonly #world: GossipWorld;
  readonly #answers: PullAnswers;
  readonly #eager = new TokenBucket(EAGER_RATE, 0 as MonotonicMs);
  readonly #pulls = new Map<number, Pull>();
  readonly #offers: Offers;
  readonly #pulledAt = new Map<Link, MonotonicMs>();
  /** For peers that were given up before they had begun: how long they are waited for the next time. */
  readonly #patienceMs = new Map<Link, number>();
  /** Peers that are known to have more for us, and when they are asked: outside of the rounds. */
  readonly #unfinished = new Map<Link, MonotonicMs>();
  #choice: Choice | undefined;
  #nextId = 1;
  #intervalMs: number;
  #roundAt: MonotonicMs | undefined;
  #newsSinceRound = false;

  constructor(config: GossipConfig, held: HeldMessages, random: Random, world: GossipWorld) {
    this.#config = config;
    this.#held = held;
    this.#random = random;
    this.#world = world;
    const read = (arrival: number): Uint8Array | undefined => world.read(arrival);
    this.#answers = new PullAnswers(held, read);
    this.#offers = new Offers(held, read);
    this.#intervalMs = config.pullMsMin;
  }

  /**
   * The gate accepted a message: on to all peers or, where there is much news, to a few; but not back to where it came from.
   *
   * @param alsoFrom peers that have sent it as well. They are left out after the choice and not before it: whoever else is
   *   chosen gets it no less often, and what is spared is only what would tell them nothing.
   */
  handleAccepted(
    now: Instant,
    held: HeldMessage,
    bytes: Uint8Array,
    from: NodeId | undefined,
    alsoFrom: readonly NodeId[] = [],
  ): void {
    this.#offers.handleReceived(held.contentKey);
    this.#newsSinceRound = true;
    if (this.#intervalMs > this.#config.pullMsMin) this.#scheduleRound(now, this.#config.pullMsMin);
    const isEager = this.#eager.take(now.mono);
    for (const link of isEager ? this.#others(held.origin, from) : this.#peersFor(held.origin, from)) {
      if (alsoFrom.includes(link.peer)) continue;
      if (bytes.length > PUSH_WHOLE_BYTES_MAX) {
        this.#offers.add(link, held.contentKey);
        continue;
      }
      link.sendMessage(bytes, held.origin);
      if (isEager && from !== undefined) this.#world.vouch(now, link, held.voucherId);
    }
  }

  /** Sends the offers that have gathered in this turn, one frame a peer. */
  flush(): void {
    this.#choice = undefined;
    this.#offers.flush();
  }

  /** A link came up: each side asks the other for what it missed. */
  handleLinkUp(now: Instant, link: Link): void {
    this.#pull(now, link);
    if (this.#roundAt === undefined) this.#scheduleRound(now, this.#config.pullMsMin);
  }

  handleLinkDown(link: Link): void {
    this.#pulls.delete(link.end.id);
    this.#answers.forget(link.end.id);
    this.#pulledAt.delete(link);
    this.#patienceMs.delete(link);
    this.#unfinished.delete(link);
    this.#offers.forget(link);
  }

  /** What a peer passed on was ignored for want of budget or room: if it has more of the kind, the next round is soon enough. */
  handleRefused(link: Link): void {
    const pull = this.#pulls.get(link.end.id);
    if (pull !== undefined) pull.isRefused = true;
  }

  handleHave(now: Instant, link: Link, keys: readonly string[]): void {
    this.#offers.handleHave(now, link, keys);
  }

  handleWant(link: Link, keys: readonly string[]): void {
    this.#offers.handleWant(link, keys);
  }

  handlePull(now: Instant, link: Link, frame: Extract<Frame, { tag: 'pull' }>): void {
    if (!this.#mayPull(now, link)) return;
    const same = frame.summary === this.#held.summary;
    if (!same) this.#answers.begin(link.end.id, frame.id);
    link.send({ tag: same ? 'pull-same' : 'pull-differs', id: frame.id });
  }

  handlePullSame(link: Link, id: number): void {
    if (this.#pulls.get(link.end.id)?.id === id) this.#pulls.delete(link.end.id);
  }

  handlePullDiffers(now: Instant, link: Link, id: number): void {
    const pull = this.#pulls.get(link.end.id);
    if (pull?.id !== id || pull.isBegun) return; // not asked, or too late, or said before: a digest is long
    this.#pulls.set(link.end.id, { id, link, until: after(now.mono, PULL_MS_MAX), isBegun: true, isRefused: false });
    for (const page of digestPages(this.#held.streams, this.#isWanted(now))) link.send({ tag: 'digest', id, ...page });
  }

  handleDigest(now: Instant, link: Link, frame: Extract<Frame, { tag: 'digest' }>): void {
    const answer = this.#answers.answer(now, link, frame, this.#isWanted(now));
    if (answer === undefined || !frame.last) return;
    link.sendAfterMessages({ tag: 'pull-done', id: frame.id, more: answer.more });
    if (!answer.behind || this.#isPulling(now, link)) return;
    // The peer has something that we lack: ask it, without waiting for a round. Not more often than in the busiest
    // rounds, because two nodes that refuse each other's messages lack something for ever.
    const pulledAt = this.#pulledAt.get(link);
    const isRecent = pulledAt !== undefined && now.mono < after(pulledAt, this.#config.pullMsMin);
    this.#unfinished.set(link, after(now.mono, isRecent ? this.#config.pullMsMin : AGAIN_MS));
  }

  handlePullDone(now: Instant, link: Link, id: number, more: boolean): void {
    const pull = this.#pulls.get(link.end.id);
    if (pull?.id !== id) return;
    this.#pulls.delete(link.end.id);
    if (more && !pull.isRefused) this.#unfinished.set(link, after(now.mono, AGAIN_MS));
  }

  deadline(): MonotonicMs | undefined {
    return earliest(this.#roundAt, ...this.#unfinished.values());
  }

  handleTimeout(now: Instant): void {
    for (const pull of this.#pulls.values()) if (pull.until <= now.mono) this.#giveUp(pull);
    for (const [link, dueAt] of this.#unfinished) if (dueAt <= now.mono) this.#pull(now, link);
    if (this.#roundAt === undefined || now.mono < this.#roundAt) return;
    const links = this.#world.links();
    if (links.length === 0) {
      this.#roundAt = undefined; // the next link that comes up starts the rounds again
      return;
    }
    const idle = links.filter((link) => !this.#isPulling(now, link));
    for (const link of sample(this.#random, idle, this.#config.fanout)) this.#pull(now, link);
    const { pullMsMin, pullMsMax } = this.#config;
    this.#scheduleRound(now, this.#newsSinceRound ? pullMsMin : Math.min(pullMsMax, this.#intervalMs * 2));
    this.#newsSinceRound = false;
  }

  /** Asked once an author: a digest has many streams of few. */
  #isWanted(now: Instant): (author: NodeId) => boolean {
    const known = new Map<NodeId, boolean>();
    return (author) => {
      let isWanted = known.get(author);
      if (isWanted === undefined) known.set(author, (isWanted = this.#world.isWanted(now, author)));
      return isWanted;
    };
  }

  /** Answering costs reads and bytes: not faster than an honest peer asks, nor on top of answers that it does not take. */
  #mayPull(now: Instant, link: Link): boolean {
    return link.queuedBytes < PULL_ANSWER_BYTES_MAX && link.takePull(now);
  }

  /**
   * Chosen anew in each turn, and once in it: what came together goes on together. Few peers get long writes so, and not
   * all of them short ones; and the messages of a batch, of which the first costs most, stay in company.
   */
  #peersFor(origin: NodeId, from: NodeId | undefined): readonly Link[] {
    const links = this.#world.links();
    const last = this.#choice;
    if (last !== undefined && last.origin === origin && last.from === from && last.links === links) return last.chosen;
    const chosen = sample(this.#random, this.#others(origin, from), this.#config.fanout);
    this.#choice = { origin, from, links, chosen };
    return chosen;
  }

  /** Those that need not have it already. */
  #others(origin: NodeId, from: NodeId | undefined): readonly Link[] {
    return this.#world.links().filter((link) => link.peer !== from && link.peer !== origin);
  }

  #isPulling(now: Instant, link: Link): boolean {
    const pull = this.#pulls.get(link.end.id);
    return pull !== undefined && now.mono < pull.until;
  }

  #giveUp({ link, isBegun }: Pull): void {
    this.#pulls.delete(link.end.id);
    const patienceMs = this.#patienceMs.get(link) ?? PULL_BEGIN_MS_MAX;
    if (!isBegun) this.#patienceMs.set(link, Math.min(PULL_MS_MAX, 2 * patienceMs));
  }

  #pull(now: Instant, link: Link): void {
    this.#unfinished.delete(link);
    this.#pulledAt.set(link, now.mono);
    const id = this.#nextId++;
    const until = after(now.mono, this.#patienceMs.get(link) ?? PULL_BEGIN_MS_MAX);
    this.#pulls.set(link.end.id, { id, link, until, isBegun: false, isRefused: false });
    link.send({ tag: 'pull', id, summary: this.#held.summary, crls: this.#world.crlHeaders() });
  }

  #scheduleRound(now: Instant, intervalMs: number): void {
    this.#intervalMs = intervalMs;
    const stretchedMs = Math.max(intervalMs, this.#held.streams.size * this.#config.pullMsPerStream);
    const at = after(now.mono, jittered(this.#random, stretchedMs, 0.2));
    if (this.#roundAt === undefined || at < this.#roundAt || now.mono >= this.#roundAt) this.#roundAt = at;
  }
}
