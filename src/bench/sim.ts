import { SECOND_MS } from '../base/time.ts';
import { SCENARIO_DEFAULTS } from '../sim/scenario.ts';
import { Story } from '../sim/story.ts';
import { VirtualTime } from '../sim/virtual-time.ts';
import { type Bench, type BenchResult, type BenchScale, costResult, type Note, rateResult } from './bench.ts';
import { cpuMicrosOf } from './cpu.ts';

const NODES = 10_000;
const MESSAGES = 3;
const SEED = 11;
const SPREAD_MS_MAX = 60 * SECOND_MS;
/** The aim: who changes a rule sees what comes of it while he still knows why. */
const REACH_S = 10;
const EMPTY_EVENTS = 1_000_000;
/** Empty events that wait at a time: as many as nodes with a timer. */
const EMPTY_WAITING = 10_000;
const MICROS_PER_SECOND = 1_000_000;

/** How long one waits for the simulator: the code of the nodes, its signatures checked once, on virtual time. */
export const SIM_BENCH: Bench = {
  name: 'sim',
  summary: 'the simulator: events a second, and how long a message takes among 10,000 nodes',
  run: runSim,
};

async function runSim(note: Note, { items: nodes = NODES }: BenchScale): Promise<readonly BenchResult[]> {
  const empty = emptyRate();
  const options = { ...SCENARIO_DEFAULTS, nodes, seed: SEED, messages: MESSAGES };
  const story = await Story.begin(options, {}, (progress) => note(`sim, ${progress}`));
  story.meet();
  const { time } = story.world;
  let micros = 0;
  let actions = 0;
  for (let i = 1; i <= MESSAGES; i++) {
    const before = time.actions;
    micros += await cpuMicrosOf(() => {
      story.publishWithin(1, 1);
      story.runUntilDone(SPREAD_MS_MAX, () => story.delivery.isComplete && story.delivery.expectedMessages === i);
    });
    actions += time.actions - before;
    if (!story.delivery.isComplete) throw new Error(`message ${i} did not reach every node`);
  }
  const rate = (actions * MICROS_PER_SECOND) / micros;
  const messageS = micros / MICROS_PER_SECOND / MESSAGES;
  return [
    rateResult('events', 'a second', rate, 'events in which nothing happens', empty),
    costResult('message', 's of CPU', messageS, 'what is called interactive', REACH_S),
  ];
}

/** The queue by itself: what no simulator on it can exceed. */
function emptyRate(): number {
  const time = new VirtualTime();
  let left = EMPTY_EVENTS;
  const next = (): void => {
    if (left-- > 0) time.after(1 + (left % 50), next);
  };
  for (let i = 0; i < EMPTY_WAITING; i++) time.after(i % 50, next);
  const before = process.cpuUsage();
  time.runUntil(Number.MAX_SAFE_INTEGER);
  const { user, system } = process.cpuUsage(before);
  return (time.actions * MICROS_PER_SECOND) / (user + system);
}
