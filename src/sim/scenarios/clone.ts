import { MINUTE_MS, SECOND_MS } from '../../base/time.ts';
import { Alarms } from '../checkers/alarms.ts';
import { NonePunished } from '../checkers/none-punished.ts';
import type { Scenario } from '../scenario.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { Story } from '../story.ts';

/** The one that is copied, and two that can compare what they heard of the two. @tuning */
const CLONE_NODES_MIN = 3;
/** Time to find links. */
const SETTLING_MS = 8 * SECOND_MS;
const PUBLISHING_MS = 4 * SECOND_MS;
/** What each of the two says under the same counters, and then again. */
const SAID = 5;
/** Both open streams of their own first. @tuning */
const CLONE_ROUNDS_MAX = 30;
const LIMIT_MS = 3 * MINUTE_MS;

/**
 * A machine is copied with its keys and its disk, and both start in the same second: two machines with one identity and
 * one stream (T24). What they say under one counter shows; from then on each has a stream of its own, and both are heard.
 * Rounds: of the slowest message after that.
 */
export const clone: Scenario = {
  name: 'clone',
  summary: 'one identity on two machines: it shows, and neither is frozen out',
  nodesMin: CLONE_NODES_MIN,
  run: async (options, tell) => {
    const story = await Story.begin(options, { records: true }, tell);
    const { world, delivery } = story;
    const original = world.random.fork('clone').shuffled(world.nodes)[0] as SimulatedNode;
    const others = world.nodes.filter((node) => node !== original);
    world.watch(new NonePunished(others));
    const { nodeId: origin } = original;
    world.watch(
      new Alarms([
        { tag: 'conflict', origin },
        { tag: 'double', origin },
      ]),
    );
    story.meet();

    original.stop();
    const copy = world.clone(original);
    const both = [original, copy];
    for (const machine of both) machine.start();
    world.run(SETTLING_MS);
    // The first at once: who has heard of the other says nothing under its counters, and then there is nothing to show.
    for (const machine of both) story.publishWithin(1, 1, [machine]);
    for (const machine of both) story.publishWithin(PUBLISHING_MS, SAID - 1, [machine]);
    story.publishWithin(PUBLISHING_MS, options.messages, others);
    // Not the two: one that starts anew may, by chance, open the very stream to which the other has leapt.
    story.disturbWithin(PUBLISHING_MS, others);
    world.run(SETTLING_MS);
    story.tell('two machines with one identity have spoken');

    delivery.pardon(original.nodeId);
    delivery.startMeasuring();
    world.watch(new NonePunished(world.nodes));
    for (const machine of both) story.publishWithin(PUBLISHING_MS, SAID, [machine]);
    story.publishWithin(PUBLISHING_MS, options.messages, others);
    world.run(PUBLISHING_MS);
    story.runUntilDone(LIMIT_MS, () => delivery.isComplete);
    story.expectWithin(CLONE_ROUNDS_MAX, 'beside a clone');
    if (original.isUp && copy.isUp && original.node.incarnation === copy.node.incarnation)
      story.fault(`${original.name} and its clone go on in one stream`);
    return story.end('clone');
  },
};
