import { type Bytes, toHex } from '../../base/bytes.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, type UnixMs, unixSeconds } from '../../base/time.ts';
import { type Frame, KEYS_MAX } from '../../engine/links/frame.ts';
import { parseAddress } from '../../message/payloads/address.ts';
import { parseMessage } from '../../message/message-reader.ts';
import { streamKeyOf } from '../../message/message-id.ts';
import { encodeNodeRecord } from '../../message/payloads/node-record.ts';
import { Alarms } from '../checkers/alarms.ts';
import { NonePunished } from '../checkers/none-punished.ts';
import { type HandMade, handMade } from '../hostile/forgery.ts';
import type { HostileLink } from '../hostile/hostile-link.ts';
import type { HostileMember, Malice } from '../hostile/hostile-member.ts';
import type { Scenario } from '../scenario.ts';
import { Story } from '../story.ts';
import type { World } from '../world.ts';

const HOSTILE = 1;
/** The liar, and three that have each other. @tuning */
const LIAR_NODES_MIN = 4;
const PUBLISHING_MS = 10 * SECOND_MS;
/** The liar says all its lies on each link so often. */
const LIES_EVERY_MS = 500;
const TARGETS = 40;
/** Messages of others that it has heard and says again, each time. */
const REPLAYED = 50;
/** Fewer than a neighbour is forgiven: it wants to stay. */
const FORGED_RECORDS = 3;
/** More than a neighbour is forgiven: the last thing that it says. */
const FORGED_AT_LAST = 40;
/** Of its own stream: more gaps than are kept. */
const GAPS = 100;
/** Streams of its own that it opens each time: more in all than are remembered of one author. */
const STREAMS = 60;
/** Up to this size it does: each stream is one more message for every node, and a line in every digest. @tuning */
const STREAMS_NODES_MAX = 30;
/** How far ahead a claim about incarnations may be and still be believed (spec 03 section 2). */
const AHEAD_S = 599;
/** And one that nobody may believe: streams of the next ten years would be spent. */
const YEARS_AHEAD_S = (3_652 * DAY_MS) / SECOND_MS;
/** Under certificates that do not exist: more than a neighbour may have wait for theirs. */
const UNKNOWN = 120;
/** Longer than any message may live. */
const ENDLESS_MS = 8 * DAY_MS;
/** Whatever does not come by a push because a liar was asked for it comes by a pull. @tuning */
const LIAR_ROUNDS_MAX = 8;
const LIMIT_MS = 2 * MINUTE_MS;

/**
 * A member says what is not so: it replays, forges records of others, offers and counts what it does not hold, asks and
 * is asked without an answer, promises lists of revocations that do not exist, names certificates that nobody has, dates
 * what it says to the past and the future, and says two things under one counter.
 * Rounds: of the slowest honest message meanwhile.
 */
export const liar: Scenario = {
  name: 'liar',
  summary: 'a member replays, forges, never answers: nobody is misled',
  nodesMin: LIAR_NODES_MIN,
  run: async (options, tell) => {
    const story = await Story.begin(options, { hostile: HOSTILE, records: true }, tell);
    const { world, delivery } = story;
    const [member] = world.hostile as readonly [HostileMember];
    world.watch(new NonePunished(world.nodes));
    world.watch(
      new Alarms([
        { tag: 'dropped', reason: 'duplicate' },
        { tag: 'dropped', reason: 'wrong-origin' },
        { tag: 'dropped', reason: 'bad-signature' },
        { tag: 'dropped', reason: 'no-room' },
        { tag: 'dropped', reason: 'unknown-origin' },
        { tag: 'dropped', reason: 'expired' },
        { tag: 'dropped', reason: 'future' },
        { tag: 'dropped', reason: 'lifetime' },
        { tag: 'conflict', origin: member.nodeId },
        { tag: 'put-out', peer: member.nodeId },
      ]),
    );
    const lies = new Lies(world, member);
    member.start(lies);
    story.meet();
    for (const node of member.random.shuffled(world.nodes).slice(0, TARGETS)) member.dial(node);
    delivery.startMeasuring();
    story.publishWithin(PUBLISHING_MS);
    story.publishWithin(PUBLISHING_MS, options.messages, world.nodes, true);
    story.disturbWithin(PUBLISHING_MS);
    member.every(LIES_EVERY_MS, PUBLISHING_MS, () => lies.tell());
    world.run(PUBLISHING_MS);
    story.tell('a member has lied on all its links');
    story.runUntilDone(LIMIT_MS, () => delivery.isComplete);
    story.expectWithin(LIAR_ROUNDS_MAX, 'beside a liar');
    story.expectPushed('beside a liar');
    lies.shout();
    const latest = unixSeconds(world.time.instant().wall) + 2 * AHEAD_S;
    for (const { name, isUp, node } of world.nodes)
      if (isUp && node.incarnation > latest)
        story.fault(`${name} was talked into stream ${node.incarnation}, expected at most ${latest}`);
    return story.end('liar');
  },
};

/** Everything that it says, a little of it on each link. */
class Lies implements Malice {
  readonly #world: World;
  readonly #member: HostileMember;
  /** What it has heard: content keys and bytes. */
  readonly #heard = new Map<string, Bytes>();
  /** Links on which it has said what it says once. */
  readonly #told = new WeakSet<HostileLink>();
  #round = 0;

  constructor(world: World, member: HostileMember) {
    this.#world = world;
    this.#member = member;
  }

  /** To everybody: that it holds a stream of theirs from the future, and a list of revocations that nobody made. */
  hello(): ReturnType<NonNullable<Malice['hello']>> {
    const { wall } = this.#world.time.instant();
    const aheadS = this.#member.random.chance(0.5) ? AHEAD_S : YEARS_AHEAD_S;
    return { heldIncarnation: unixSeconds(wall) + aheadS, crls: this.#lists() };
  }

  linkUp(link: HostileLink): void {
    link.sendMessages(this.#forgedRecords(FORGED_RECORDS));
  }

  frame(link: HostileLink, frame: Frame): boolean {
    switch (frame.tag) {
      case 'message':
        this.#hear(frame.bytes);
        return false;
      case 'pull':
        // Every other asker waits for an answer that never ends, the others are told of more than there is.
        link.send({ tag: 'pull-differs', id: frame.id });
        return true;
      case 'digest':
        if (frame.last && this.#member.random.chance(0.5)) link.send({ tag: 'pull-done', id: frame.id, more: true });
        return true;
      case 'pull-differs':
        link.send({ tag: 'digest', id: frame.id, from: '', to: '', last: true, streams: this.#counted() });
        return true;
      case 'want':
      case 'want-crl':
        return true;
      default:
        return false;
    }
  }

  /** Once more everything, on all links. */
  tell(): void {
    this.#round++;
    const { random } = this.#member;
    const replayed = random.shuffled([...this.#heard.values()]).slice(0, REPLAYED);
    const offered = Array.from({ length: KEYS_MAX / 2 }, () => toHex(random.bytes(32)));
    for (const [place, link] of this.#member.links.entries()) {
      link.send(
        { tag: 'have', keys: [...offered, ...[...this.#heard.keys()].slice(-KEYS_MAX / 2)] },
        { tag: 'pull', id: this.#round, summary: toHex(random.bytes(8)), crls: this.#lists() },
        { tag: 'want', keys: offered },
      );
      link.sendMessages(replayed);
      link.sendMessages([this.#own(2 * this.#round, place % 2 === 0 ? 'one thing' : 'another')]);
      if (place === 0 && this.#world.nodes.length <= STREAMS_NODES_MAX) link.sendMessages(this.#streams());
      if (this.#told.has(link)) continue;
      this.#told.add(link);
      link.sendMessages(Array.from({ length: GAPS }, (_, i) => this.#own(1_000 + 2 * i, 'gap')));
      link.sendMessages([...this.#misdated(), ...this.#underUnknown()]);
    }
  }

  /** More forgeries than anybody forgives. */
  shout(): void {
    const forged = this.#forgedRecords(FORGED_AT_LAST);
    for (const link of this.#member.links) link.sendMessages(forged);
  }

  #hear(bytes: Bytes): void {
    const { contentKey } = parseMessage(this.#world.authority.trust.mesh, bytes);
    if (!this.#heard.has(contentKey)) this.#heard.set(contentKey, bytes.slice());
  }

  /** Of honest authors' streams: that it has a thousand more than anybody. */
  #counted(): Extract<Frame, { tag: 'digest' }>['streams'] {
    const up = this.#world.nodes.filter(({ isUp }) => isUp).slice(0, 50);
    return up.map(({ nodeId, node }) => ({ key: streamKeyOf(nodeId, node.incarnation), ranges: [0, 1_000] }));
  }

  #lists(): Extract<Frame, { tag: 'crls' }>['crls'] {
    const [, issuer] = this.#member.chain;
    const { wall } = this.#world.time.instant();
    if (issuer === undefined) return [];
    return [{ issuerKeyHash: issuer.keyHash, number: 2 ** 40 + this.#round, thisUpdate: unixSeconds(wall) }];
  }

  #own(counter: number, text: string, more: Partial<HandMade> = {}): Bytes {
    const { wall } = this.#world.time.instant();
    const { mesh } = this.#world.authority.trust;
    const incarnation = unixSeconds(wall) & ~0xff;
    return handMade({ mesh, author: this.#member.identity, incarnation, counter, wall, text, ...more });
  }

  /** One message each in streams of its own that it has not used. */
  #streams(): Bytes[] {
    const { wall } = this.#world.time.instant();
    const last = unixSeconds(wall) - HOUR_MS / SECOND_MS + this.#round * STREAMS;
    return Array.from({ length: STREAMS }, (_, i) => this.#own(0, 'begun', { incarnation: last - i }));
  }

  /** What had ended an hour ago, what comes in an hour, and what never ends. */
  #misdated(): Bytes[] {
    const { wall } = this.#world.time.instant();
    return [
      this.#own(10_000, 'ended', { wall: (wall - HOUR_MS) as UnixMs }),
      this.#own(10_001, 'to come', { wall: (wall + HOUR_MS) as UnixMs }),
      this.#own(10_002, 'endless', { ttlMs: ENDLESS_MS }),
    ];
  }

  /** In the names of others, each under another certificate that it will not show. */
  #underUnknown(): Bytes[] {
    const { random, identity: signedBy } = this.#member;
    return Array.from({ length: UNKNOWN }, (_, counter) => {
      const { identity: author } = this.#world.nodes[random.below(this.#world.nodes.length)] as World['nodes'][number];
      return this.#own(counter, 'under nothing', { author, signedBy, voucherHash: random.bytes(32) });
    });
  }

  /** Records of others that lead to it: under its own certificate, or under theirs with a signature of its own. */
  #forgedRecords(count: number): Bytes[] {
    const { wall } = this.#world.time.instant();
    const { mesh } = this.#world.authority.trust;
    const { random, identity, address } = this.#member;
    const payload = encodeNodeRecord({
      addresses: [address, parseAddress('nowhere:1')],
      name: 'n',
      version: 'v',
      streams: [],
    });
    return Array.from({ length: count }, (_, i) => {
      const victim = this.#world.nodes[random.below(this.#world.nodes.length)] as World['nodes'][number];
      return handMade({
        mesh,
        author: victim.identity,
        signedBy: identity,
        under: i % 2 === 0 ? identity : victim.identity,
        incarnation: unixSeconds(wall) + AHEAD_S,
        counter: i,
        wall,
        type: 'record',
        payload,
      });
    });
  }
}
