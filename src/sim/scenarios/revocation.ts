import { MINUTE_MS, SECOND_MS } from '../../base/time.ts';
import { ShutOut } from '../checkers/shut-out.ts';
import type { Scenario } from '../scenario.ts';
import { Story } from '../story.ts';

/** One node in twenty is revoked, at least one. */
const REVOKED_SHARE = 1 / 20;
const PUBLISHING_MS = 2 * SECOND_MS;
/** Those revoked go on talking and dialling for so long. */
const DEFIANCE_MS = 30 * SECOND_MS;
const LIMIT_MS = 3 * MINUTE_MS;

/**
 * Some nodes are revoked; one other node hears of it, and all must shut them out, though they go on publishing and
 * dialling. Rounds: until the slowest of
 * those left knows, counted from the revocation or from its own start where that was later.
 */
export const revocation: Scenario = {
  name: 'revocation',
  summary: 'a list of the revoked spreads, and everybody shuts them out',
  nodesMin: 2,
  run: async (options, tell) => {
    const story = await Story.begin(options, { records: true }, tell);
    const { world } = story;
    const shutOut = world.watch(new ShutOut());
    story.meet();
    story.publishWithin(PUBLISHING_MS);
    world.run(PUBLISHING_MS);

    const [first, ...others] = world.random.fork('revocation').shuffled(world.nodes);
    const revoked = others.slice(0, Math.max(1, Math.floor(options.nodes * REVOKED_SHARE)));
    const list = await world.revoke(revoked);
    story.publishWithin(DEFIANCE_MS, options.messages, revoked);
    story.publishWithin(DEFIANCE_MS);
    story.disturbWithin(DEFIANCE_MS);
    first?.receiveCrl(list);
    story.tell(`${revoked.length} nodes are revoked, and one node has heard of it`);
    story.runUntilDone(LIMIT_MS, () => shutOut.isKnownToAll && story.delivery.isComplete);
    return story.end('revocation', shutOut.slowestMs);
  },
};
