import { toHex } from '../../base/bytes.ts';
import { MINUTE_MS, SECOND_MS } from '../../base/time.ts';
import { type Address, parseAddress } from '../../message/payloads/address.ts';
import { encodeNodeRecord } from '../../message/payloads/node-record.ts';
import { Alarms } from '../checkers/alarms.ts';
import { NonePunished } from '../checkers/none-punished.ts';
import { NotEclipsed } from '../checkers/not-eclipsed.ts';
import { handMade } from '../hostile/forgery.ts';
import type { HostileLink } from '../hostile/hostile-link.ts';
import type { HostileMember } from '../hostile/hostile-member.ts';
import type { Scenario } from '../scenario.ts';
import { Story } from '../story.ts';
import type { World } from '../world.ts';

/** One member in five colludes. */
const COLLUDING_SHARE = 1 / 5;
/** With fewer, a fifth is nobody. @tuning */
const ECLIPSE_NODES_MIN = 5;
/** Addresses at which each of them is to be found: as many as a record may name. */
const ADDRESSES = 8;
/** Colluders whose records are passed on: each is a message to every node. @tuning */
const RECORDS_MAX = 12;
/** Nodes on whose network they announce themselves, and in how many places: more than are remembered. @tuning */
const VICTIMS_MAX = 100;
const ANNOUNCED = 600;
/** They dial everybody, over and over: all places for links from outside are theirs if they can have them. */
const DIAL_EVERY_MS = SECOND_MS;
const DIALS_A_TURN = 3;
/** How often they dial who has dialled them, so that the place is theirs and another free: they may lose it. @tuning */
const GREED = 0.1;
const PUBLISHING_MS = 30 * SECOND_MS;
const PHASES = 3;
/** Who has met nobody honest seeks on every 20 seconds, and needs a few tries. @tuning */
const ECLIPSE_ROUNDS_MAX = 300;
const LIMIT_MS = 10 * MINUTE_MS;

/**
 * One member in five is in league with the others: they name each other and nobody else in every way of discovery, are
 * where others are said to be, fill all places that they can get, and keep to themselves what they hear (T4). Rounds:
 * of the slowest honest message.
 */
export const eclipse: Scenario = {
  name: 'eclipse',
  summary: 'a fifth of the members collude and pass nothing on: nobody is cut off',
  nodesMin: ECLIPSE_NODES_MIN,
  run: async (options, tell) => {
    const hostile = Math.floor(options.nodes * COLLUDING_SHARE);
    const story = await Story.begin(options, { hostile, records: true }, tell);
    const { world, delivery } = story;
    world.watch(new NonePunished(world.nodes));
    world.watch(new Alarms([{ tag: 'dial-failed' }]));
    const eclipsed = world.watch(new NotEclipsed(world.nodes));
    for (const member of world.hostile) collude(world, member);
    story.meet();
    announce(world);
    delivery.startMeasuring();
    for (let phase = 0; phase < PHASES; phase++) {
      story.publishWithin(PUBLISHING_MS);
      story.disturbWithin(PUBLISHING_MS);
      world.run(PUBLISHING_MS);
    }
    story.tell(`${hostile} members have colluded`);
    story.runUntilDone(LIMIT_MS, () => delivery.isComplete && eclipsed.isNobody);
    story.expectWithin(ECLIPSE_ROUNDS_MAX, 'among colluders');
    return story.end('eclipse');
  },
};

function addressesOf({ name }: HostileMember): Address[] {
  return Array.from({ length: ADDRESSES }, (_, i) => parseAddress(`${name}.${i}:4433`));
}

/** Takes every link, says that there is nothing new, and dials. */
function collude(world: World, member: HostileMember): void {
  const addresses = addressesOf(member);
  // As honest ones do, it asks at once: who says nothing after its hello is not believed to have a place.
  const summary = toHex(member.random.bytes(8));
  const linkUp = (link: HostileLink): void => link.send({ tag: 'pull', id: 1, summary, crls: [] });
  member.start({ hello: () => ({ addresses }), linkUp });
  for (const address of addresses) member.listenAt(address);
  member.every(DIAL_EVERY_MS, PHASES * PUBLISHING_MS, () => {
    for (let i = 0; i < DIALS_A_TURN; i++) {
      const node = world.nodes[member.random.below(world.nodes.length)];
      const link = member.links.find(({ peer }) => peer === node?.nodeId);
      const isTry = link === undefined || (link.end.direction === 'inbound' && member.random.chance(GREED));
      if (node !== undefined && isTry) member.dial(node);
    }
  });
}

/** Records with all their addresses for everybody, and announcements for some: of themselves, and of others where they are. */
function announce(world: World): void {
  const { mesh } = world.authority.trust;
  const { wall } = world.time.instant();
  const incarnation = Math.floor(wall / SECOND_MS);
  for (const member of world.hostile.slice(0, RECORDS_MAX)) {
    const addresses = addressesOf(member);
    const payload = encodeNodeRecord({ addresses, name: member.name, version: '1', streams: [] });
    const record = handMade({ mesh, author: member.identity, incarnation, counter: 0, wall, type: 'record', payload });
    for (const link of member.links) link.sendMessages([record]);
  }
  const places = world.hostile.flatMap(addressesOf);
  const random = world.random.fork('announcements');
  for (const victim of random.shuffled(world.nodes).slice(0, VICTIMS_MAX))
    for (let i = 0; i < ANNOUNCED; i++) {
      const address = places[i % places.length] as Address;
      const other = world.nodes[random.below(world.nodes.length)];
      const isMisnamed = random.chance(0.2) && other !== undefined && other !== victim;
      victim.discover({ address, source: 'multicast', ...(isMisnamed ? { nodeId: other.nodeId } : {}) });
    }
}
