import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SECOND_MS } from '../../src/base/time.ts';
import type { NodeEvent } from '../../src/node/node-outbox.ts';
import { AcceptedOnce } from '../../src/sim/checkers/accepted-once.ts';
import { Bounded } from '../../src/sim/checkers/bounded.ts';
import { Delivery } from '../../src/sim/checkers/delivery.ts';
import { RecordsAgree } from '../../src/sim/checkers/records-agree.ts';
import { ShutOut } from '../../src/sim/checkers/shut-out.ts';
import type { SimulatedNode } from '../../src/sim/simulated-node.ts';
import { World } from '../../src/sim/world.ts';
import { VIOLATIONS_MAX, type WorldEvent } from '../../src/sim/world-event.ts';

async function worldOf(nodes: number, announces = false): Promise<World> {
  return World.create({ seed: 1, nodes, latencyMsMin: 5, latencyMsMax: 10, lossRatio: 0, announces });
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
    world.emit({ ...accepted, event: { ...event, held: { ...event.held, id: event.held.id, contentKey: 'other' } } });
    const { violations } = world.finish();
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
});
