import { BoundedMap } from '../base/bounded.ts';
import { type BucketRate, TokenBucket } from '../base/token-bucket.ts';
import type { MonotonicMs } from '../base/time.ts';
import type { NodeId } from '../identity/node-id.ts';

/**
 * Signature checks that one neighbour may cost us. 2,000 a second are a tenth of a core at 44 microseconds each;
 * twelve neighbours at full tilt leave the process responsive.
 */
export const NEIGHBOUR_RATE: BucketRate = Object.freeze({ tokensPerSecond: 2_000, burstTokens: 4_000 });

/** Messages that one author may have accepted: 200 a second, and a backlog of 2,000 after a partition. */
export const AUTHOR_RATE: BucketRate = Object.freeze({ tokensPerSecond: 200, burstTokens: 2_000 });

/** Buckets remembered. One forgotten is as good as full, so an attacker gains a burst by pushing 20,000 others through. */
export const BUCKETS_MAX = 20_000;

/** A token bucket for each node, made when first needed. */
export class Budgets {
  readonly #rate: BucketRate;
  readonly #buckets = new BoundedMap<NodeId, TokenBucket>(BUCKETS_MAX);

  constructor(rate: BucketRate) {
    this.#rate = rate;
  }

  has(now: MonotonicMs, nodeId: NodeId): boolean {
    return this.#buckets.get(nodeId)?.has(now) ?? true;
  }

  take(now: MonotonicMs, nodeId: NodeId): boolean {
    let bucket = this.#buckets.get(nodeId);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#rate, now);
      this.#buckets.set(nodeId, bucket);
    }
    return bucket.take(now);
  }
}
