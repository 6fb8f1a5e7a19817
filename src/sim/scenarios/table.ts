import type { Scenario } from '../scenario.ts';
import { clone } from './clone.ts';
import { delegates } from './delegates.ts';
import { eclipse } from './eclipse.ts';
import { flood } from './flood.ts';
import { gossip } from './gossip.ts';
import { liar } from './liar.ts';
import { partitionHeal } from './partition-heal.ts';
import { revocation } from './revocation.ts';
import { skew } from './skew.ts';

/** Every scenario there is; the command line knows no other. */
export const SCENARIOS: readonly Scenario[] = [
  gossip,
  partitionHeal,
  revocation,
  delegates,
  flood,
  liar,
  clone,
  eclipse,
  skew,
];
