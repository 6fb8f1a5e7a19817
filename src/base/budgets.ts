import { BoundedMap } from './bounded.ts';
import type { MonotonicMs } from './time.ts';
import { type BucketRate, TokenBucket } from './token-bucket.ts';

/** A token bucket for each node, member, client: made when first needed. One that is forgotten is as good as full. */
export class Budgets<Key> {
  readonly #rate: BucketRate;
  readonly #buckets: BoundedMap<Key, TokenBucket>;

  /** @param bucketsMax remembered; the one not used for longest is forgotten. */
  constructor(rate: BucketRate, bucketsMax: number) {
    this.#rate = rate;
    this.#buckets = new BoundedMap(bucketsMax);
  }

  has(now: MonotonicMs, key: Key): boolean {
    return this.#buckets.get(key)?.has(now) ?? true;
  }

  take(now: MonotonicMs, key: Key): boolean {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#rate, now);
      this.#buckets.set(key, bucket);
    }
    return bucket.take(now);
  }
}
