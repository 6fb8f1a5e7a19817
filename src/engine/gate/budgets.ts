import type { BucketRate } from '../../base/token-bucket.ts';

/**
 * Signature checks that one neighbour may cost us. 2,000 a second are a tenth of a core at 44 microseconds each;
 * twelve neighbours at full tilt leave the process responsive.
 */
export const NEIGHBOUR_RATE: BucketRate = Object.freeze({ tokensPerSecond: 2_000, burstTokens: 4_000 });

/** Messages that one author may have accepted: 200 a second, and a backlog of 2,000 after a partition. */
export const AUTHOR_RATE: BucketRate = Object.freeze({ tokensPerSecond: 200, burstTokens: 2_000 });

/** Buckets remembered. One forgotten is as good as full, so an attacker gains a burst by pushing 20,000 others through. */
export const BUCKETS_MAX = 20_000;
