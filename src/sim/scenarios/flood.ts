import { MINUTE_MS, SECOND_MS } from '../../base/time.ts';
import type { Bytes } from '../../base/bytes.ts';
import type { BucketRate } from '../../base/token-bucket.ts';
import { Alarms } from '../checkers/alarms.ts';
import { NonePunished } from '../checkers/none-punished.ts';
import { handMade } from '../hostile/forgery.ts';
import { HostileMember } from '../hostile/hostile-member.ts';
import type { Scenario } from '../scenario.ts';
import { SimulatedAuthority } from '../simulated-authority.ts';
import type { SimulatedNode } from '../simulated-node.ts';
import { Story } from '../story.ts';
import { SharedChecks } from '../shared-checks.ts';
import type { World } from '../world.ts';

/** The one that floods, and the one that forges. */
const HOSTILE = 2;
/** The two, and two honest ones. @tuning */
const FLOOD_NODES_MIN = 4;
/** Each of the three attacks goes on for so long, and honest messages are published meanwhile. */
const ATTACK_MS = 4 * SECOND_MS;
/** What a node allows an author: far less than in the field, so that a large world can be flooded at little cost. */
const ALLOWED_A_SECOND = 0.5;
const ALLOWED_AT_ONCE = 16;
/** Where nodes say much: so many times what each says on average in an attack, so that chance does not exhaust any. */
const HEADROOM = 12;
/** The flood, in what an author is allowed. */
const FLOOD_FACTOR = 1_000;
/** The attacker writes this often. */
const TICK_MS = 50;
/** Whom the attacker dials until it has links enough. */
const TARGETS = 40;
/** Nodes at which messages are forged. */
const FORGED_AT = 100;
/** Forgeries at once: three times what their author is allowed, and far more than a neighbour is forgiven. */
const FORGERIES = 3 * ALLOWED_AT_ONCE;
/** What the author in whose name is forged says right then: more than he would be allowed if the forgeries were his. */
const TRUE_MESSAGES = 12;
const STRANGERS = 4;
const STRANGER_DIALS_A_TICK = 5;
/** Design.md section 11: what a spread takes. @tuning */
const FLOOD_ROUNDS_MAX = 8;
const LIMIT_MS = 2 * MINUTE_MS;

/**
 * One member says a thousand times as much as an author is allowed; then a neighbour forges messages of others by the
 * dozen; then strangers open handshakes without end (T3). Rounds: of the slowest honest message meanwhile.
 */
export const flood: Scenario = {
  name: 'flood',
  summary: 'a member floods, a neighbour forges, strangers knock: honest messages get through',
  nodesMin: FLOOD_NODES_MIN,
  run: async (options, tell) => {
    const honest = options.nodes - HOSTILE;
    const isQuiet = 10 * options.messages < honest;
    const headroom = isQuiet ? 0 : HEADROOM * Math.ceil(options.messages / honest);
    const authorRate = { tokensPerSecond: ALLOWED_A_SECOND, burstTokens: ALLOWED_AT_ONCE + headroom };
    const story = await Story.begin(options, { hostile: HOSTILE, authorRate }, tell);
    const { world, delivery } = story;
    const [flooder, forger] = world.hostile as readonly [HostileMember, HostileMember];
    world.watch(new NonePunished(world.nodes));
    world.watch(
      new Alarms(world.nodes, [
        { tag: 'dropped', reason: 'over-budget' },
        { tag: 'dropped', reason: 'bad-signature' },
        { tag: 'put-out', peer: forger.nodeId },
        { tag: 'handshake-refused' },
      ]),
    );
    flooder.start({});
    forger.start({});
    story.meet();
    delivery.startMeasuring();

    const inPhase = (what: string): void => {
      story.publishWithin(ATTACK_MS);
      story.disturbWithin(ATTACK_MS);
      world.run(ATTACK_MS);
      story.tell(what);
    };
    floodFrom(world, flooder, authorRate);
    inPhase('one member has flooded its neighbours');
    forgeFrom(story, forger);
    inPhase('messages of others have been forged');
    await knock(world);
    inPhase('strangers have opened handshakes');
    story.runUntilDone(LIMIT_MS, () => delivery.isComplete);
    story.expectWithin(FLOOD_ROUNDS_MAX, 'under attack');
    return story.end('flood');
  },
};

/** Links with whom it can, and sends each of them what the others get as well, as fast as they take it. */
function floodFrom(world: World, flooder: HostileMember, { tokensPerSecond }: BucketRate): void {
  const { mesh } = world.authority.trust;
  for (const node of flooder.random.shuffled(world.nodes).slice(0, TARGETS)) flooder.dial(node);
  const perTick = Math.ceil((FLOOD_FACTOR * tokensPerSecond * TICK_MS) / SECOND_MS);
  const incarnation = Math.floor(world.time.instant().wall / SECOND_MS);
  let counter = 0;
  flooder.every(TICK_MS, ATTACK_MS, () => {
    const { wall } = world.time.instant();
    const batch: Bytes[] = [];
    for (let i = 0; i < perTick; i++, counter++)
      batch.push(handMade({ mesh, author: flooder.identity, incarnation, counter, wall, text: `flood ${counter}` }));
    for (const link of flooder.links) link.sendMessages(batch);
  });
}

/** Forges one author's next messages at many nodes, by the dozen; the author himself speaks in the same moment. */
function forgeFrom(story: Story, forger: HostileMember): void {
  const { world } = story;
  const { mesh } = world.authority.trust;
  const victim = forger.random.shuffled(world.nodes).find(({ isUp }) => isUp) as SimulatedNode;
  const { incarnation } = victim.node;
  const { wall } = world.time.instant();
  const forgeries = Array.from({ length: FORGERIES }, (_, counter) =>
    handMade({
      mesh,
      author: victim.identity,
      signedBy: forger.identity,
      incarnation,
      counter: counter % 2 === 0 ? counter : 1_000_000 + counter,
      wall,
      text: `forged ${counter}`,
    }),
  );
  forger.turn({ linkUp: (link) => void link.sendMessages(forgeries) });
  for (const link of forger.links) link.sendMessages(forgeries);
  const targets = forger.random.shuffled(world.nodes).slice(0, FORGED_AT);
  forger.every(SECOND_MS, ATTACK_MS, () => {
    for (const node of targets) forger.dial(node);
  });
  story.publishWithin(SECOND_MS, TRUE_MESSAGES, [victim]);
}

/** Members of another mesh, with certificates that lead to another root, dial everybody they know of. */
async function knock(world: World): Promise<void> {
  const { time, network } = world;
  const { mesh } = world.authority.trust;
  const random = world.random.fork('strangers');
  const { wall } = time.instant();
  const elsewhere = await SimulatedAuthority.create(
    mesh,
    `another root ${world.options.seed}`,
    random.fork('authority'),
    wall,
    new SharedChecks().checkX509,
  );
  for (let i = 0; i < STRANGERS; i++) {
    const identity = await elsewhere.enroll(`s${i}`, wall);
    const stranger = new HostileMember(`s${i}`, identity, { mesh, time, network }, random.fork(`${i}`));
    stranger.start({});
    stranger.every(TICK_MS, ATTACK_MS, () => {
      for (let k = 0; k < STRANGER_DIALS_A_TICK; k++)
        stranger.dial(world.nodes[stranger.random.below(world.nodes.length)] as SimulatedNode);
    });
  }
}
