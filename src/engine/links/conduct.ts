import { BoundedMap } from '../../base/bounded.ts';
import type { MonotonicMs } from '../../base/time.ts';
import { type BucketRate, TokenBucket } from '../../base/token-bucket.ts';
import type { NodeId } from '../../identity/node-id.ts';

/** Rejects forgiven a neighbour: 16 at once, one more every ten seconds. No honest peer sends any. */
export const REJECTS: BucketRate = Object.freeze({ tokensPerSecond: 0.1, burstTokens: 16 });
/** Frames besides messages that one peer may send. They cost microseconds; an honest peer sends tens a second. */
export const CONTROL_FRAMES: BucketRate = Object.freeze({ tokensPerSecond: 500, burstTokens: 5_000 });
/** Pulls of one peer that are answered: what asking on every 100 ms needs, and no more. */
export const PULL_RATE: BucketRate = Object.freeze({ tokensPerSecond: 10, burstTokens: 20 });
/**
 * Links that one peer may open to us. Each costs a hello, a pull, lines in the log and news to programs. An honest peer
 * whose network breaks again and again waits longer each time: two a second at first, one a minute in the end.
 */
export const OPENING_RATE: BucketRate = Object.freeze({ tokensPerSecond: 0.5, burstTokens: 30 });
/** Peers whose conduct is remembered: many more than a node is linked with in an hour. 4,096 × ~400 B = 1.6 MB. */
export const CONDUCTS_MAX = 4_096;

/** What one peer may still cost us, over all of its links: who ends a link and opens another begins nothing anew. */
export class Conduct {
  readonly rejects: TokenBucket;
  readonly control: TokenBucket;
  readonly pulls: TokenBucket;
  readonly openings: TokenBucket;

  constructor(now: MonotonicMs) {
    this.rejects = new TokenBucket(REJECTS, now);
    this.control = new TokenBucket(CONTROL_FRAMES, now);
    this.pulls = new TokenBucket(PULL_RATE, now);
    this.openings = new TokenBucket(OPENING_RATE, now);
  }
}

/** The conduct of peers, whether or not they are linked now; the one not met for longest is forgotten first. */
export class Conducts {
  readonly #byPeer = new BoundedMap<NodeId, Conduct>(CONDUCTS_MAX);

  get size(): number {
    return this.#byPeer.size;
  }

  of(now: MonotonicMs, peer: NodeId): Conduct {
    let conduct = this.#byPeer.get(peer);
    if (conduct === undefined) this.#byPeer.set(peer, (conduct = new Conduct(now)));
    return conduct;
  }
}
