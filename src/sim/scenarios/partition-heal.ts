import { MINUTE_MS, SECOND_MS } from '../../base/time.ts';
import { NonePunished } from '../checkers/none-punished.ts';
import { RecordsAgree } from '../checkers/records-agree.ts';
import type { Scenario } from '../scenario.ts';
import { Story } from '../story.ts';

const ISLANDS = 2;
/** Longer than a link lives in silence: every link between the islands is given up, by both ends. */
const PARTITION_MS = 2 * MINUTE_MS;
/** Published while the mesh is divided, at both sides. */
const PUBLISHING_MS = 60 * SECOND_MS;
/** Dials to the other side are a minute apart by then, and each node looks for news more and more rarely. */
const LIMIT_MS = 5 * MINUTE_MS;

/**
 * The mesh falls into two parts and both go on; when they meet again, each gets what the other has said. Rounds:
 * from the healing to the last delivery.
 */
export const partitionHeal: Scenario = {
  name: 'partition-heal',
  summary: 'two halves that lost each other catch up when they meet again',
  nodesMin: 2,
  run: async (options, tell) => {
    const story = await Story.begin(options, { records: true }, tell);
    const records = story.world.options.settings?.announces ? story.world.watch(new RecordsAgree()) : undefined;
    story.world.watch(new NonePunished(story.world.nodes));
    story.meet();
    const islands = story.world.partition(ISLANDS);
    story.tell(`the network falls into ${ISLANDS} islands`);
    story.publishWithin(PUBLISHING_MS);
    story.burst([...(islands[0] ?? [])]);
    story.disturbWithin(PUBLISHING_MS);
    story.world.run(PARTITION_MS);
    for (const island of islands)
      if (!story.delivery.isCompleteAmong(island))
        story.fault('an island lacks messages of its own when the partition ends');
    story.world.heal();
    story.tell('the islands hear each other again');
    const healedAtMs = story.world.time.nowMs;
    story.runUntilDone(LIMIT_MS, () => story.delivery.isComplete && records?.agree !== false);
    return story.end('partition-heal', Math.max(0, story.delivery.lastAtMs - healedAtMs));
  },
};
