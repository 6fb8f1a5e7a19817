import { ROUND_MS, SCENARIO_DEFAULTS, type ScenarioOptions, type ScenarioResult } from '../sim/scenario.ts';
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
 * How long a message takes to the last node, the same on every machine: in rounds of a second at the usual latency, of which
 * a push goes some thirty hops in each; and in hops, where each way takes a whole second, so that a question and its answer
 * count as two. The formula's intervals are of one hop each (docs/BENCH.md).
 */
export const SPREAD_BENCH: Bench = {
  name: 'spread',
  summary: 'seconds and hops until the last of 10,000 simulated nodes has a message, with 10 % loss',
  run: runSpread,
};

async function runSpread(note: Note, { items: nodes = NODES }: BenchScale): Promise<readonly BenchResult[]> {
  const options = { ...SCENARIO_DEFAULTS, nodes, seed: SEED, messages: MESSAGES, lossRatio: LOSS_RATIO };
  const serf = serfRounds(nodes, GOSSIP_DEFAULTS.fanout, LOSS_RATIO);
  const spread = async (name: string, unit: string, slowed: Partial<ScenarioOptions>): Promise<BenchResult> => {
    const result = await gossip.run({ ...options, ...slowed }, (progress) => note(`spread, ${name}, ${progress}`));
    requireSound(result);
    return costResult(name, unit, result.rounds, 'intervals by serf’s formula, to 99.99 %', serf);
  };
  return [
    await spread('rounds', 'rounds of a second', {}),
    await spread('hops', 'hops', { latencyMsMin: ROUND_MS, latencyMsMax: ROUND_MS }),
  ];
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
