import type { Bytes } from '../../base/bytes.ts';
import { MINUTE_MS, SECOND_MS, type UnixMs, unixSeconds } from '../../base/time.ts';
import { NonePunished } from '../checkers/none-punished.ts';
import { ShutOut } from '../checkers/shut-out.ts';
import { handMade } from '../hostile/forgery.ts';
import type { HostileLink } from '../hostile/hostile-link.ts';
import type { HostileMember } from '../hostile/hostile-member.ts';
import type { Scenario } from '../scenario.ts';
import { Story } from '../story.ts';
import type { World } from '../world.ts';

/** One node in twenty is revoked, at least one. */
const REVOKED_SHARE = 1 / 20;
const PUBLISHING_MS = 2 * SECOND_MS;
/** Those revoked go on talking and dialling for so long. */
const DEFIANCE_MS = 30 * SECOND_MS;
const LIMIT_MS = 3 * MINUTE_MS;
/** From this size on one of those revoked does not even run the program. @tuning */
const DEFIANT_FROM_NODES = 4;
/** It dials so many others each second. @tuning */
const DIALS_A_SECOND = 4;
/** What it dates back to before its revocation. */
const BACKDATED_MS = 5 * SECOND_MS;
/** The first that has heard is killed once its list must be durable, and must still know it when it is back. */
const KILLED_AFTER_MS = 5 * SECOND_MS;
const AWAY_MS = 2 * SECOND_MS;
/** A list is announced on every link at once, and waits for no pull. @tuning */
const REVOCATION_ROUNDS_MAX = 1;
/** An announcement that is lost is made good by a pull. @tuning */
const REVOCATION_LOSSY_ROUNDS_MAX = 8;

/**
 * Some members are revoked; one other node hears of it, and all must shut them out, though they go on publishing and
 * dialling, and one of them, that runs no program of ours, dates back what it says. Who has heard is killed and must not
 * forget. Rounds: until the slowest of those left knows, counted from the revocation or from its own start where that was
 * later.
 */
export const revocation: Scenario = {
  name: 'revocation',
  summary: 'a list of the revoked spreads, and everybody shuts them out',
  nodesMin: 2,
  run: async (options, tell) => {
    const hostile = options.nodes < DEFIANT_FROM_NODES ? 0 : 1;
    const story = await Story.begin(options, { hostile, records: true }, tell);
    const { world } = story;
    const [first, ...others] = world.random.fork('revocation').shuffled(world.nodes);
    const revoked = others.slice(0, Math.max(1, Math.floor(options.nodes * REVOKED_SHARE)));
    const shutOut = world.watch(new ShutOut());
    world.watch(new NonePunished(world.nodes.filter((node) => !revoked.includes(node))));
    const { hostile: defiant } = world;
    for (const member of defiant) member.start({});
    story.meet();
    story.publishWithin(PUBLISHING_MS);
    world.run(PUBLISHING_MS);

    const list = await world.revoke([...revoked, ...defiant]);
    story.publishWithin(DEFIANCE_MS, options.messages, revoked);
    story.publishWithin(DEFIANCE_MS);
    story.disturbWithin(DEFIANCE_MS);
    for (const member of defiant) defy(world, member);
    first?.receiveCrl(list);
    story.step(KILLED_AFTER_MS, () => first?.stop());
    story.step(KILLED_AFTER_MS + AWAY_MS, () => first?.start());
    story.tell(`${revoked.length + defiant.length} members are revoked, and one node has heard of it`);
    story.runUntilDone(LIMIT_MS, () => shutOut.isKnownToAll && story.delivery.isComplete);
    const rounds = options.lossRatio > 0 ? REVOCATION_LOSSY_ROUNDS_MAX : REVOCATION_ROUNDS_MAX;
    story.expectRounds(rounds, shutOut.slowestMs, 'a node learned of the revocation after');
    return story.end('revocation', shutOut.slowestMs);
  },
};

/** Dials everybody, says what it likes in its own name, now and as of before, and says again what it has heard. */
function defy(world: World, member: HostileMember): void {
  const { mesh } = world.authority.trust;
  const heard: Bytes[] = [];
  const incarnation = unixSeconds(world.time.instant().wall) - 60;
  let counter = 0;
  const speak = (link: HostileLink): void => {
    const { wall } = world.time.instant();
    const say = (at: UnixMs): Bytes =>
      handMade({ mesh, author: member.identity, incarnation, counter, wall: at, text: `defiant ${counter++}` });
    link.sendMessages([say(wall), say((wall - BACKDATED_MS) as UnixMs), ...heard.slice(-2)]);
  };
  member.turn({
    linkUp: speak,
    frame: (_link, frame) => {
      if (frame.tag === 'message') heard.push(frame.bytes.slice());
      return false;
    },
  });
  member.every(SECOND_MS, DEFIANCE_MS, () => {
    for (const link of member.links) speak(link);
    for (const node of member.random.shuffled(world.nodes).slice(0, DIALS_A_SECOND)) member.dial(node);
  });
}
