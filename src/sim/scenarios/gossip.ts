import { MINUTE_MS, SECOND_MS } from '../../base/time.ts';
import { NonePunished } from '../checkers/none-punished.ts';
import type { Scenario } from '../scenario.ts';
import { Story } from '../story.ts';

/** Messages are published within this time. */
const PUBLISHING_MS = 2 * SECOND_MS;
/** With restarts and broken links, these go on a little longer. */
const DISTURBANCE_MS = 10 * SECOND_MS;
/** Design.md section 11: what a spread takes, with one push or pull in ten lost. @tuning */
const GOSSIP_ROUNDS_MAX = 8;
const LIMIT_MS = 3 * MINUTE_MS;

/** Messages spread to all nodes, whatever is lost and whoever restarts meanwhile. Rounds: of the slowest delivery. */
export const gossip: Scenario = {
  name: 'gossip',
  summary: 'messages spread to every node',
  nodesMin: 1,
  run: async (options, tell) => {
    const story = await Story.begin(options, {}, tell);
    story.world.watch(new NonePunished(story.world.nodes));
    story.meet();
    story.publishWithin(PUBLISHING_MS);
    story.disturbWithin(DISTURBANCE_MS);
    story.runUntilDone(LIMIT_MS, () => story.delivery.isComplete);
    story.expectWithin(GOSSIP_ROUNDS_MAX, 'without any attack');
    story.expectPushed('without any attack');
    return story.end('gossip');
  },
};
