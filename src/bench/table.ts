import type { Bench } from './bench.ts';
import { CRL_BENCH } from './crl.ts';
import { GOSSIP_BENCH } from './gossip.ts';
import { IDLE_BENCH } from './idle.ts';
import { ISSUE_BENCH } from './issue.ts';
import { LINKS_BENCH } from './links.ts';
import { SIGNER_BENCH } from './signer/signer-bench.ts';
import { SIM_BENCH } from './sim.ts';
import { SPREAD_BENCH } from './spread.ts';
import { TREE_BENCH } from './tree.ts';

/** Every benchmark, in the order in which `chainmail bench` runs them. */
export const BENCHES: readonly Bench[] = [
  GOSSIP_BENCH,
  LINKS_BENCH,
  ISSUE_BENCH,
  CRL_BENCH,
  SPREAD_BENCH,
  SIM_BENCH,
  IDLE_BENCH,
  SIGNER_BENCH,
  TREE_BENCH,
];
