import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../base/time.ts';
import { Alarms } from '../checkers/alarms.ts';
import { NonePunished } from '../checkers/none-punished.ts';
import { RecordsAgree } from '../checkers/records-agree.ts';
import type { Scenario } from '../scenario.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import type { ClockError } from '../members/machine-clock.ts';
import { Story } from '../story.ts';
import { WORLD_BEGINS_AT } from '../virtual-time.ts';

/** Two clocks that are far out, and two nodes that go on. @tuning */
const SKEW_NODES_MIN = 4;
/** Every tenth node drifts. */
const DRIFTING_SHARE = 1 / 10;
/** While clocks are wrong. */
const WRONG_MS = 2 * MINUTE_MS;
/** What a drifting clock is off by in the end: two of them, in opposite directions, still believe each other. @tuning */
const DRIFT_MS_MAX = 4 * MINUTE_MS;
const PUBLISHING_MS = 60 * SECOND_MS;
/** Nodes that were alone dial again after at most a minute. @tuning */
const SKEW_ROUNDS_MAX = 150;
const LIMIT_MS = 5 * MINUTE_MS;
/** Two are killed when their clocks have been set, and come back. */
const AWAY_MS = 2 * SECOND_MS;

const IN_1970: ClockError = { aheadMs: 0 - WORLD_BEGINS_AT, drift: 0 };
const TEN_YEARS_AHEAD: ClockError = { aheadMs: 3_652 * DAY_MS, drift: 0 };

/**
 * One clock shows 1970, one is ten years ahead, some drift by minutes. Who drifts goes on as a member; whose clock is far
 * out is alone, harms nobody, and is a member again when its clock has been set, also when it starts anew with a clock
 * behind all that it has said. Rounds: from then to the last delivery.
 */
export const skew: Scenario = {
  name: 'skew',
  summary: 'clocks at 1970, in ten years and drifting: the others go on',
  nodesMin: SKEW_NODES_MIN,
  run: async (options, tell) => {
    const story = await Story.begin(options, { records: true }, tell);
    const { world, delivery } = story;
    const random = world.random.fork('clocks');
    const [early, late, ...others] = random.shuffled(world.nodes) as [SimulatedNode, SimulatedNode, ...SimulatedNode[]];
    const drifting = others.slice(0, Math.max(1, Math.floor(options.nodes * DRIFTING_SHARE)));
    const wrong = new Set([early, late]);
    world.watch(
      new Alarms([{ tag: 'dial-failed', by: early }, { tag: 'dial-failed', by: late }, { tag: 'handshake-refused' }]),
    );
    early.setClock(IN_1970);
    late.setClock(TEN_YEARS_AHEAD);
    const records = world.options.settings?.announces ? world.watch(new RecordsAgree()) : undefined;
    const punished = world.watch(new NonePunished(world.nodes, others));
    story.meet(wrong);
    const sinceMs = world.time.nowMs;
    for (const node of drifting)
      node.setClock({ aheadMs: 0, drift: (random.chance(0.5) ? 1 : -1) * (DRIFT_MS_MAX / (sinceMs + WRONG_MS)) });
    story.publishWithin(PUBLISHING_MS, options.messages, others);
    story.publishWithin(PUBLISHING_MS, options.messages, [...wrong]);
    story.disturbWithin(PUBLISHING_MS);
    world.run(WRONG_MS);
    if (!delivery.isCompleteAmong(new Set(others)))
      story.fault('clocks that drift by minutes keep messages from nodes');
    for (const { name, isUp, node } of wrong)
      if (isUp && node.links.length > 0) story.fault(`${name} has a link with a clock that is years off`);
    story.tell('clocks have been wrong');

    for (const node of [...wrong, ...drifting]) node.setClock();
    delivery.startMeasuring();
    punished.expectAll(world.nodes);
    world.run(PUBLISHING_MS);
    story.publishWithin(PUBLISHING_MS);
    story.publishWithin(PUBLISHING_MS, options.messages, [...wrong]);
    world.run(PUBLISHING_MS);
    // A clock that went back must not bring streams back: who was ahead starts anew, below what it has shown.
    for (const node of [late, drifting[0] as SimulatedNode]) {
      node.stop();
      story.step(AWAY_MS, () => node.start());
    }
    story.runUntilDone(LIMIT_MS, () => delivery.isComplete && records?.agree !== false);
    story.expectWithin(SKEW_ROUNDS_MAX, 'after clocks were set');
    return story.end('skew');
  },
};
