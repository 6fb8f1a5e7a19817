import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/base/time.ts';
import type { NodeEvent } from '../../src/node/node-outbox.ts';
import { AcceptedOnce } from '../../src/sim/checkers/accepted-once.ts';
import { Alarms } from '../../src/sim/checkers/alarms.ts';
import { Answered } from '../../src/sim/checkers/answered.ts';
import { Bounded } from '../../src/sim/checkers/bounded.ts';
import { Delivery } from '../../src/sim/checkers/delivery.ts';
import { Genuine } from '../../src/sim/checkers/genuine.ts';
import { NonePunished } from '../../src/sim/checkers/none-punished.ts';
import { NotEclipsed } from '../../src/sim/checkers/not-eclipsed.ts';
import { RecordsAgree } from '../../src/sim/checkers/records-agree.ts';
import { RisingStreams } from '../../src/sim/checkers/rising-streams.ts';
import { ShutOut } from '../../src/sim/checkers/shut-out.ts';
import { WithinAllowance } from '../../src/sim/checkers/within-allowance.ts';
import type { SimulatedNode } from '../../src/sim/members/simulated-node.ts';
import { World } from '../../src/sim/world.ts';
import { VIOLATIONS_MAX, type WorldEvent } from '../../src/sim/world-event.ts';

async function worldOf(nodes: number, announces = false): Promise<World> {
  return World.create({ seed: 1, nodes, latencyMsMin: 5, latencyMsMax: 10, lossRatio: 0, settings: { announces } });
}

/** The last event of this kind that a node told. */
class Recorder {
  readonly events: Extract<WorldEvent, { tag: 'node' }>[] = [];
  readonly violations: readonly string[] = [];

  handle(_nowMs: number, event: WorldEvent): void {
    if (event.tag === 'node') this.events.push(event);
  }

  last(tag: NodeEvent['tag'], of?: SimulatedNode): Extract<WorldEvent, { tag: 'node' }> {
    const found = this.events.findLast(({ node, event }) => event.tag === tag && (of === undefined || node === of));
    assert.notEqual(found, undefined);
    return found as Extract<WorldEvent, { tag: 'node' }>;
  }
}

/** A world that has met, and in which each node has published once. */
async function lively(nodes: number, ...checkers: readonly Parameters<World['watch']>[0][]) {
  const world = await worldOf(nodes);
  const recorder = world.watch(new Recorder());
  for (const checker of checkers) world.watch(checker);
  world.startAll();
  world.run(5 * SECOND_MS);
  for (const [i, node] of world.nodes.entries()) node.publish(`value ${i}`);
  world.run(5 * SECOND_MS);
  return { world, recorder, nodes: world.nodes as readonly [SimulatedNode, SimulatedNode, SimulatedNode] };
}

describe('checkers: they say what must not be', () => {
  it('delivery: nothing where all arrived; who lacks a message and which, where not', async () => {
    const delivery = new Delivery();
    const { world, nodes } = await lively(4, delivery);
    assert.equal(delivery.isComplete, true);
    assert.equal(delivery.expectedMessages, 4);
    assert.equal(delivery.ratio, 1);
    assert.ok(delivery.worstDelayMs > 0 && delivery.worstDelayMs < SECOND_MS);
    world.network.partition(new Map(world.nodes.map((node, i) => [node, i])));
    nodes[0].publish('alone');
    world.run(SECOND_MS);
    assert.equal(delivery.isComplete, false);
    assert.equal(delivery.isCompleteAmong(new Set([nodes[0]])), true);
    assert.equal(delivery.isCompleteAmong(new Set(world.nodes)), false);
    const { violations } = world.finish();
    assert.equal(violations.length, 1);
    assert.match(violations[0] as string, /message \S+ did not reach n[123], n[123], n[123]$/);
    assert.equal(delivery.ratio, (4 * 3) / (5 * 3));
  });

  it('delivery: a node that comes back has to get what it missed, a revoked one has not', async () => {
    const delivery = new Delivery();
    const { world, nodes } = await lively(4, delivery);
    nodes[0].stop();
    nodes[1].publish('meanwhile');
    world.run(SECOND_MS);
    assert.equal(delivery.isComplete, true);
    nodes[0].start();
    assert.equal(delivery.isComplete, false);
    world.run(10 * SECOND_MS);
    assert.equal(delivery.isComplete, true);
    world.emit({ tag: 'revoked', nodeIds: new Set([nodes[1].nodeId]), crlNumber: 1 });
    assert.equal(delivery.expectedMessages, 3);
    assert.deepEqual(world.finish().violations, []);
  });

  it('accepted once: a message again, and another under its id', async () => {
    const { world, recorder } = await lively(3, new AcceptedOnce());
    const accepted = recorder.last('message');
    world.emit(accepted);
    const { event } = accepted;
    assert.ok(event.tag === 'message');
    const other = { ...event.held, id: event.held.id, contentKey: 'other' };
    world.emit({ ...accepted, event: { ...event, held: other } });
    // Once it has ended nothing is known of it: another content is not two at a time.
    const later = { ...other, contentKey: 'third', receivedAt: other.expiresAt };
    world.emit({ ...accepted, event: { ...event, held: later } });
    const { violations } = world.finish();
    assert.equal(violations.length, 2);
    assert.match(violations[0] as string, /^n\d accepted \S+ again at \d+ ms$/);
    assert.match(violations[1] as string, /^n\d accepted another \S+ again/);
  });

  it('accepted once: not again what a killed node had made durable, but what it had not', async () => {
    const { world, nodes } = await lively(3, new AcceptedOnce());
    for (const node of nodes) {
      node.stop();
      node.start();
    }
    world.run(10 * SECOND_MS);
    assert.deepEqual(world.finish().violations, []);
  });

  it('shut out: mail, links and ignorance after a revocation', async () => {
    const { world, recorder, nodes } = await lively(3, new ShutOut());
    const [first, , out] = nodes;
    const mail = recorder.events.find(
      ({ node, event }) => node === first && event.tag === 'message' && event.held.origin === out.nodeId,
    );
    const list = await world.revoke([out]);
    first.receiveCrl(list);
    world.run(10);
    world.emit(mail as WorldEvent);
    world.emit({
      tag: 'node',
      node: first,
      event: { tag: 'link-up', link: 1, peer: out.nodeId, direction: 'inbound', address: '' },
    });
    const { violations } = world.finish();
    assert.match(violations[0] as string, /n0 knows of the revocation and accepted/);
    assert.match(violations[1] as string, /n0 knows of the revocation and opened a link/);
    assert.match(violations[2] as string, /n1 never learned of the revocation/);
    assert.equal(violations.length, 3);
  });

  it('records agree: who lacks whose', async () => {
    const world = await worldOf(3, true);
    const records = world.watch(new RecordsAgree());
    world.startAll();
    world.run(10 * SECOND_MS);
    assert.equal(records.agree, true);
    world.network.partition(new Map(world.nodes.map((node, i) => [node, i])));
    world.nodes[0]?.stop();
    world.nodes[0]?.start();
    world.run(SECOND_MS);
    assert.equal(records.agree, false);
    assert.match(world.finish().violations[0] as string, /does not have the newest record of n0/);
  });

  it('bounded: more held than was ever said', async () => {
    const bounded = new Bounded();
    const world = await worldOf(2);
    world.startAll();
    world.run(5 * SECOND_MS);
    for (const node of world.nodes) node.publish(node.name);
    world.run(SECOND_MS);
    world.watch(bounded); // too late to have heard of any message
    for (let i = 0; i < 100; i++) for (const node of world.nodes) bounded.turnEnded(world.time.nowMs, node);
    assert.match(world.finish().violations[0] as string, /2 messages held at \d+ ms, expected at most 0/);
    assert.equal(bounded.violations.length, VIOLATIONS_MAX, 'the first few are enough');
    assert.equal(bounded.heldMost, 2);
  });

  it('shut out: a list that was forgotten with the process', async () => {
    const { world, nodes } = await lively(3, new ShutOut());
    const [first, , out] = nodes;
    first.receiveCrl(await world.revoke([out]));
    first.stop(); // before the list was durable: nobody's fault
    first.start();
    first.receiveCrl(await world.revoke([]));
    world.run(10 * SECOND_MS);
    first.stop();
    first.start(); // and with it
    world.emit({ tag: 'stopped', node: first });
    first.node.crls = () => [];
    world.emit({ tag: 'started', node: first });
    const { violations } = world.finish();
    assert.equal(violations.length, 2);
    assert.match(violations[0] as string, /^n0 knew of the revocation and has forgotten it at \d+ ms$/);
    assert.match(violations[1] as string, /^n0 never learned of the revocation$/);
  });

  it('answered: a program that hears nothing, and one that is let say what it may not', async () => {
    const answered = new Answered();
    const { world, nodes } = await lively(2, answered);
    assert.equal(answered.isComplete, true);
    const [first, second] = nodes;
    const about = { request: 99, origin: first.nodeId, payload: new Uint8Array(1) };
    world.emit({ tag: 'asked', node: second, ...about, isUnlawful: true });
    world.emit({
      tag: 'acknowledged',
      node: second,
      request: 99,
      isUnlawful: true,
      messageId: 'm' as never,
      askedAtMs: 0,
    });
    world.emit({ tag: 'asked', node: second, ...about, isUnlawful: false });
    second.stop(); // nobody waits for a node that was killed
    assert.equal(answered.isComplete, true);
    world.emit({ tag: 'asked', node: first, ...about, isUnlawful: false });
    assert.equal(answered.isComplete, false);
    const { violations } = world.finish();
    assert.match(violations[0] as string, /^n1 let a program say at \d+ ms what it may not: m$/);
    assert.match(violations[1] as string, /^n0 never answered the program that wanted something said at \d+ ms$/);
    assert.equal(violations.length, 2);
  });

  it('genuine: what nobody wanted said, what is not signed, what has ended or comes from the future', async () => {
    const { world, recorder, nodes } = await lively(2);
    const told = recorder.last('message');
    const genuine = (verify = () => true): Genuine => {
      const checker = new Genuine(world.nodes, verify);
      for (const node of nodes) checker.handle(0, { tag: 'started', node });
      return checker;
    };
    assert.ok(told.event.tag === 'message');
    const { origin, payload } = told.event.message;
    const asked: WorldEvent = { tag: 'asked', node: told.node, request: 1, origin, payload, isUnlawful: false };

    const stranger = genuine();
    stranger.handle(1, told);
    assert.match(stranger.violations[0] as string, /accepted \S+ at 1 ms, which no program there wanted said/);
    const unlawful = genuine();
    unlawful.handle(1, { ...asked, isUnlawful: true });
    unlawful.handle(1, told);
    assert.equal(unlawful.violations.length, 1, 'what it might not say');
    const unsigned = genuine(() => false);
    unsigned.handle(1, asked);
    unsigned.handle(1, told);
    assert.match(unsigned.violations[0] as string, /which its origin has not signed/);

    const timely = genuine();
    timely.handle(1, asked);
    timely.handle(1, told);
    assert.equal(timely.violations.length, 0);
    told.node.setClock({ aheadMs: HOUR_MS, drift: 0 });
    timely.handle(2, told);
    told.node.setClock({ aheadMs: -HOUR_MS, drift: 0 });
    timely.handle(3, told);
    assert.match(timely.violations[0] as string, /at 2 ms, which had ended/);
    assert.match(timely.violations[1] as string, /at 3 ms, which comes from the future/);
  });

  it('genuine: a record that its node has not made', async () => {
    const world = await worldOf(2, true);
    const recorder = world.watch(new Recorder());
    world.startAll();
    world.run(5 * SECOND_MS);
    const [one, other] = world.nodes as readonly [SimulatedNode, SimulatedNode];
    const { event } = recorder.last('message', one);
    assert.ok(event.tag === 'message' && event.held.type === 'record' && event.message.origin === other.nodeId);
    const genuine = new Genuine(world.nodes, () => true);
    genuine.handle(0, { tag: 'started', node: other });
    genuine.handle(0, { tag: 'node', node: one, event });
    assert.equal(genuine.violations.length, 0);
    const misled = new Genuine(world.nodes, () => true);
    const elsewhere = { name: other.name, address: 'elsewhere:1', nodeId: other.nodeId } as unknown as SimulatedNode;
    misled.handle(0, { tag: 'started', node: elsewhere });
    misled.handle(0, { tag: 'node', node: one, event });
    assert.match(misled.violations[0] as string, /a record that its node has not made/);
  });

  it('within allowance: more of an author than is allowed, and checks in vain', async () => {
    const { world, recorder, nodes } = await lively(2);
    const told = recorder.last('message', nodes[0]);
    const rate = { tokensPerSecond: 1, burstTokens: 2 };
    const within = new WithinAllowance({ author: rate, neighbour: rate }, [nodes[1]]);
    within.handle(0, { tag: 'started', node: nodes[0] });
    for (const atMs of [0, 0, SECOND_MS]) within.handle(atMs, told);
    assert.equal(within.violations.length, 0);
    within.handle(SECOND_MS, told);
    assert.match(within.violations[0] as string, /^n0 took 4 messages of \S+ by 1000 ms, expected at most 3$/);

    const busy = { ...told.node, name: 'busy', checksAsked: 0, nodeId: nodes[0].nodeId };
    const vain = new WithinAllowance({ author: rate, neighbour: rate }, [nodes[1]]);
    vain.handle(0, { tag: 'started', node: busy as never });
    const up: NodeEvent = { tag: 'link-up', link: 1, peer: nodes[1].nodeId, direction: 'inbound', address: '' };
    vain.handle(0, { tag: 'node', node: busy as never, event: up });
    busy.checksAsked = 4; // of two seconds, and nothing was accepted
    vain.finish(2 * SECOND_MS);
    assert.equal(vain.violations.length, 0);
    busy.checksAsked = 5;
    vain.finish(2 * SECOND_MS);
    assert.match(vain.violations[0] as string, /^busy checked 5 signatures in vain, expected at most 4$/);
    assert.equal(world.nodes.length, 2);
  });

  it('rising streams: a start that goes back', async () => {
    const { world, nodes } = await lively(2, new RisingStreams());
    const [first] = nodes;
    first.stop();
    first.setClock({ aheadMs: -HOUR_MS, drift: 0 });
    first.start();
    assert.deepEqual(world.finish().violations, []);
    const rising = new RisingStreams();
    rising.handle(1, { tag: 'started', node: first });
    rising.handle(2, { tag: 'started', node: first });
    assert.match(rising.violations[0] as string, /^n0 opened stream \d+ at 2 ms, expected one above \d+$/);
  });

  it('none punished: who parts from the honest, and who is not let say something', async () => {
    const { nodes } = await lively(3);
    const [first, second, out] = nodes;
    const punished = new NonePunished([first, second]);
    const part = (node: SimulatedNode, peer: SimulatedNode, why: 'misbehaved' | 'revoked' | 'full'): void =>
      punished.handle(5, { tag: 'node', node, event: { tag: 'link-down', peer: peer.nodeId, why } });
    part(first, out, 'misbehaved');
    part(first, second, 'full');
    part(out, first, 'revoked');
    punished.handle(5, { tag: 'refused', node: out, request: 1, isUnlawful: false, code: 'ERR_INTERNAL' });
    punished.handle(5, { tag: 'refused', node: first, request: 1, isUnlawful: true, code: 'ERR_INTERNAL' });
    assert.equal(punished.violations.length, 0);
    part(first, second, 'misbehaved');
    part(first, second, 'revoked');
    punished.handle(5, { tag: 'refused', node: first, request: 1, isUnlawful: false, code: 'ERR_INTERNAL' });
    assert.match(punished.violations[0] as string, /^n0 and the honest \S+ parted as misbehaved at 5 ms$/);
    assert.match(punished.violations[1] as string, /parted as revoked/);
    assert.match(punished.violations[2] as string, /^n0 was not let say something at 5 ms: ERR_INTERNAL$/);
  });

  it('not eclipsed: who has too few honest neighbours, and who had none for long', async () => {
    const { world, nodes } = await lively(3);
    const eclipsed = new NotEclipsed(nodes);
    for (const node of nodes) eclipsed.handle(0, { tag: 'started', node });
    for (const node of nodes) eclipsed.turnEnded(MINUTE_MS, node);
    assert.equal(eclipsed.isNobody, true);
    nodes[0].stop();
    world.run(SECOND_MS);
    nodes[0].start();
    eclipsed.handle(world.time.nowMs, { tag: 'started', node: nodes[0] });
    assert.equal(eclipsed.isNobody, false);
    eclipsed.finish(world.time.nowMs + MINUTE_MS + 1);
    assert.deepEqual(eclipsed.violations, ['n0 had no honest neighbour for 60001 ms, expected at most 60000']);
  });

  it('not eclipsed: who has some, but too few for long; nobody who had too few for a while', async () => {
    const { nodes } = await lively(3);
    const eclipsed = new NotEclipsed(nodes);
    nodes[1].stop();
    for (const node of [nodes[0], nodes[2]]) eclipsed.turnEnded(0, node);
    assert.equal(eclipsed.isNobody, true); // nobody has noticed yet
    nodes[0].linkClosed(nodes[0].node.links.find(({ peer }) => peer === nodes[1].nodeId)?.end.id as number);
    assert.equal(eclipsed.isNobody, false);
    eclipsed.turnEnded(0, nodes[0]);
    eclipsed.finish(2 * MINUTE_MS);
    assert.deepEqual(eclipsed.violations, []);
    eclipsed.finish(2 * MINUTE_MS + 1);
    assert.deepEqual(eclipsed.violations, ['n0 lacked links with honest nodes for 120001 ms, expected at most 120000']);
  });

  it('alarms: those that nobody raised, and none that a node raised before it was killed', async () => {
    const { world, nodes } = await lively(2);
    const alarms = world.watch(
      new Alarms([
        { tag: 'dial-failed', by: nodes[0] },
        { tag: 'dial-failed', by: nodes[1] },
        { tag: 'put-out', peer: nodes[1].nodeId },
      ]),
    );
    nodes[0].node.statistics.dialsFailed++;
    alarms.turnEnded(0, nodes[0]);
    nodes[0].stop();
    assert.deepEqual(world.finish().violations, [
      'no node raised an alarm: dials failed at n1',
      `no node raised an alarm: ${nodes[1].nodeId} put out as one that misbehaves`,
    ]);
  });

  it('bounded: what has ended and is held', async () => {
    const bounded = new Bounded();
    const { world, nodes } = await lively(2, bounded);
    nodes[0].setClock({ aheadMs: HOUR_MS, drift: 0 });
    assert.match(
      world.finish().violations[0] as string,
      /^n0: 2 messages held that have ended at \d+ ms, expected at most 0$/,
    );
  });
});
