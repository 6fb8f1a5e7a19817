import { SCENARIO_DEFAULTS, type ScenarioResult } from '../sim/scenario.ts';
import { gossip } from '../sim/scenarios/gossip.ts';
import { GOSSIP_DEFAULTS } from '../engine/gossip/gossip.ts';
import { type Bench, type BenchResult, type BenchScale, costResult, type Note } from './bench.ts';

const NODES = 10_000;
const LOSS_RATIO = 0.1;
/** The slowest of so many messages counts. */
const MESSAGES = 3;
const SEED = 11;
/** Serf's own figure is when 99.99 % have it; ours is when all have. */
const SERF_SHARE = 0.9999;

/**
 * How many rounds a message takes to the last node: pushes at once, pulls once a round. The same on every machine.
 * A round is a second, in which a push goes some thirty hops; the formula's intervals are of one hop each (docs/BENCH.md).
 */
export const SPREAD_BENCH: Bench = {
  name: 'spread',
  summary: 'rounds until the last of 10,000 simulated nodes has a message, with 10 % loss',
  run: runSpread,
};

async function runSpread(note: Note, { items: nodes = NODES }: BenchScale): Promise<readonly BenchResult[]> {
  const options = { ...SCENARIO_DEFAULTS, nodes, seed: SEED, messages: MESSAGES, lossRatio: LOSS_RATIO };
  const result = await gossip.run(options, (progress) => note(`spread, ${progress}`));
  requireSound(result);
  const serf = serfRounds(nodes, GOSSIP_DEFAULTS.fanout, LOSS_RATIO);
  return [costResult('rounds', 'rounds', result.rounds, 'serf’s formula, to 99.99 %', serf)];
}

/** A figure of a world in which something went wrong is worth nothing. */
function requireSound({ ok, deliveredRatio, violations }: ScenarioResult): void {
  if (!ok || deliveredRatio < 1)
    throw new Error(`delivered ${deliveredRatio}; ${violations.slice(0, 3).join('; ') || 'no violations'}`);
}

/**
 * The formula by which Serf's documentation tells how fast its gossip converges: the logistic curve
 * `n / (1 + (n + 1) e^(-b n t))` with contact rate `b n = fanout × (1 - loss) / 2`, solved for the share.
 */
export function serfRounds(nodes: number, fanout: number, lossRatio: number): number {
  const contacts = (fanout * (1 - lossRatio)) / 2;
  return Math.log((nodes + 1) / (1 / SERF_SHARE - 1)) / contacts;
}
