import type { Scenario } from '../scenario.ts';
import { gossip } from './gossip.ts';
import { partitionHeal } from './partition-heal.ts';
import { revocation } from './revocation.ts';

/** Every scenario there is; the command line knows no other. */
export const SCENARIOS: readonly Scenario[] = [gossip, partitionHeal, revocation];
