import { MINUTE_MS, SECOND_MS, unixSeconds } from '../../base/time.ts';
import type { Bytes } from '../../base/bytes.ts';
import type { BucketRate } from '../../base/token-bucket.ts';
import { Alarms } from '../checkers/alarms.ts';
import { NonePunished } from '../checkers/none-punished.ts';
import { WithinAllowance } from '../checkers/within-allowance.ts';
import { type HandMade, handMade } from '../hostile/forgery.ts';
import { HostileMember } from '../hostile/hostile-member.ts';
import type { Scenario } from '../scenario.ts';
import { SimulatedAuthority } from '../members/simulated-authority.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { Story } from '../story.ts';
import { SharedChecks } from '../members/shared-checks.ts';
import type { World } from '../world.ts';

/** The one that floods, and the one that forges. */
const HOSTILE = 2;
/** The two, and two honest ones. @tuning */
const FLOOD_NODES_MIN = 4;
const ATTACKS = 3;
/** Where nodes are killed and links break meanwhile, the attacks go on until all alarms were raised, but not for ever. @tuning */
const FLOOD_TIMES_MAX = 5;
/** Each of them goes on for so long, and honest messages are published meanwhile. */
const ATTACK_MS = 4 * SECOND_MS;
/** What a node allows an author: far less than in the field, so that a large world can be flooded at little cost. */
const ALLOWED_A_SECOND = 0.5;
const ALLOWED_AT_ONCE = 16;
/** And a neighbour, of signature checks: besides all that is published, which one honest neighbour may be the first to bring. */
const CHECKED_A_SECOND = 5;
const CHECKED_AT_ONCE = 60;
/** What the attacker says has ended before the story, but not before the second attack has. */
const FLOOD_TTL_MS = 10 * SECOND_MS;
const OTHER_TTL_MS = 5 * SECOND_MS;
/** Where nodes say much: so many times what each says on average in an attack, so that chance does not exhaust any. */
const HEADROOM = 12;
/** The flood, in what an author is allowed. */
const FLOOD_FACTOR = 1_000;
/** Its first messages were taken, so that others under their counters show what it is. */
const COUNTERS_TAKEN = 4;
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
/** Frames besides messages: far more than a link may bring. */
const QUESTIONS_A_TICK = 500;
const STRANGERS = 4;
const STRANGER_DIALS_A_TICK = 5;
/** Design.md section 11: what a spread takes. @tuning */
const FLOOD_ROUNDS_MAX = 8;
const LIMIT_MS = 2 * MINUTE_MS;

/**
 * One member says a thousand times as much as an author is allowed; then a neighbour forges messages of others by the
 * dozen, and the first says ever other things under counters that it has used; then that one asks and strangers open
 * handshakes without end (T3). Rounds: of the slowest honest message meanwhile.
 */
export const flood: Scenario = {
  name: 'flood',
  summary: 'a member floods, a neighbour forges, strangers knock: mail gets through',
  nodesMin: FLOOD_NODES_MIN,
  run: async (options, tell) => {
    const honest = options.nodes - HOSTILE;
    const isQuiet = 10 * options.messages < honest;
    const headroom = isQuiet ? 0 : HEADROOM * Math.ceil(options.messages / honest);
    const authorRate = { tokensPerSecond: ALLOWED_A_SECOND, burstTokens: ALLOWED_AT_ONCE + headroom };
    const neighbourRate = {
      tokensPerSecond: CHECKED_A_SECOND,
      burstTokens: CHECKED_AT_ONCE + ATTACKS * options.messages,
    };
    const story = await Story.begin(options, { hostile: HOSTILE, settings: { authorRate, neighbourRate } }, tell);
    const { world, delivery } = story;
    const [flooder, forger] = world.hostile as readonly [HostileMember, HostileMember];
    world.watch(new NonePunished(world.nodes));
    world.watch(new WithinAllowance({ author: authorRate, neighbour: neighbourRate }, world.hostile));
    const alarms = world.watch(
      new Alarms([
        { tag: 'dropped', reason: 'over-budget' },
        { tag: 'dropped', reason: 'bad-signature' },
        { tag: 'put-out', peer: forger.nodeId },
        { tag: 'conflict', origin: flooder.nodeId },
        { tag: 'put-out', peer: flooder.nodeId },
        { tag: 'handshake-refused' },
      ]),
    );
    flooder.start({});
    forger.start({});
    story.meet();
    delivery.startMeasuring();

    const targets = flooder.random.shuffled(world.nodes).slice(0, TARGETS);
    for (let times = 0; times === 0 || (alarms.isAwaited && times < FLOOD_TIMES_MAX); times++) {
      const inPhase = (what: string): void => {
        if (times === 0) story.publishWithin(ATTACK_MS);
        if (times === 0) story.disturbWithin(ATTACK_MS);
        world.run(ATTACK_MS);
        story.tell(what);
      };
      const incarnation = unixSeconds(world.time.instant().wall);
      keepDialling(flooder, targets);
      shout(world, flooder, authorRate, (nth) => ({
        incarnation,
        counter: nth,
        text: `flood ${nth}`,
        ttlMs: FLOOD_TTL_MS,
      }));
      inPhase('one member has flooded its neighbours');
      shout(world, flooder, authorRate, (nth) => ({
        incarnation,
        counter: nth % COUNTERS_TAKEN,
        text: `other ${nth}`,
        ttlMs: OTHER_TTL_MS,
      }));
      const victim = forgeFrom(story, forger);
      if (times === 0) story.publishWithin(SECOND_MS, TRUE_MESSAGES, [victim]);
      inPhase('messages of others have been forged');
      askWithoutEnd(flooder);
      await knock(world);
      inPhase('strangers have opened handshakes');
    }
    story.runUntilDone(LIMIT_MS, () => delivery.isComplete);
    story.expectWithin(FLOOD_ROUNDS_MAX, 'under attack');
    story.expectPushed('under attack');
    return story.end('flood');
  },
};

/** Has links with these whenever it can. */
function keepDialling(flooder: HostileMember, targets: readonly SimulatedNode[]): void {
  const dialAll = (): void => {
    for (const node of targets) if (!flooder.links.some(({ peer }) => peer === node.nodeId)) flooder.dial(node);
  };
  dialAll();
  flooder.every(SECOND_MS, ATTACKS * ATTACK_MS, dialAll);
}

/** Says a thousand times what an author is allowed to all its neighbours, as fast as they take it. */
function shout(
  world: World,
  flooder: HostileMember,
  { tokensPerSecond }: BucketRate,
  what: (nth: number) => Pick<HandMade, 'incarnation' | 'counter' | 'text' | 'ttlMs'>,
): void {
  const { mesh } = world.authority.trust;
  const perTick = Math.ceil((FLOOD_FACTOR * tokensPerSecond * TICK_MS) / SECOND_MS);
  let nth = 0;
  flooder.every(TICK_MS, ATTACK_MS, () => {
    const { wall } = world.time.instant();
    const author = flooder.identity;
    const batch: Bytes[] = [];
    for (let i = 0; i < perTick; i++, nth++) batch.push(handMade({ mesh, author, wall, ...what(nth) }));
    for (const link of flooder.links) link.sendMessages(batch);
  });
}

/** Has every neighbour answer ten thousand questions a second. */
function askWithoutEnd(flooder: HostileMember): void {
  const questions = Array.from({ length: QUESTIONS_A_TICK }, () => ({ tag: 'ping' }) as const);
  flooder.every(TICK_MS, ATTACK_MS, () => {
    for (const link of flooder.links) link.send(...questions);
  });
}

/** Forges one author's next messages at many nodes, by the dozen. @returns the author, who is to speak in the same moment. */
function forgeFrom(story: Story, forger: HostileMember): SimulatedNode {
  const { world } = story;
  const { mesh } = world.authority.trust;
  const someoneIsUp = (): boolean => world.nodes.some(({ isUp }) => isUp);
  if (!someoneIsUp()) world.run(LIMIT_MS, someoneIsUp);
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
  return victim;
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
