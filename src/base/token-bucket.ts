import type { MonotonicMs } from './time.ts';

/** How fast a {@link TokenBucket} fills and how much it holds. */
export interface BucketRate {
  readonly tokensPerSecond: number;
  readonly burstTokens: number;
}

/** A budget that refills with time. Full at the start; a caller looks with `has` and pays with `take`. */
export class TokenBucket {
  readonly #rate: BucketRate;
  #tokens: number;
  #filledAt: MonotonicMs;

  constructor(rate: BucketRate, now: MonotonicMs) {
    this.#rate = rate;
    this.#tokens = rate.burstTokens;
    this.#filledAt = now;
  }

  has(now: MonotonicMs, tokens = 1): boolean {
    this.#refill(now);
    return this.#tokens >= tokens;
  }

  /** Takes the tokens where they are there; else takes none and says so. */
  take(now: MonotonicMs, tokens = 1): boolean {
    if (!this.has(now, tokens)) return false;
    this.#tokens -= tokens;
    return true;
  }

  /** True when nothing has been taken for so long that the bucket is as good as new. */
  isFull(now: MonotonicMs): boolean {
    this.#refill(now);
    return this.#tokens >= this.#rate.burstTokens;
  }

  #refill(now: MonotonicMs): void {
    const { tokensPerSecond, burstTokens } = this.#rate;
    if (now <= this.#filledAt) return;
    this.#tokens = Math.min(burstTokens, this.#tokens + ((now - this.#filledAt) / 1_000) * tokensPerSecond);
    this.#filledAt = now;
  }
}
