import type { Bench } from './bench.ts';
import { SIGNER_BENCH } from './signer/signer-bench.ts';

/** Every benchmark, in the order in which `chainmail bench` runs them. */
export const BENCHES: readonly Bench[] = [SIGNER_BENCH];
