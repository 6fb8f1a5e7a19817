import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { SECOND_MS } from '../../src/base/time.ts';
import { OWN_GAPS_MAX } from '../../src/node/publishing/publisher.ts';
import { MeshFixture } from '../support/mesh/mesh-fixture.ts';
import { type HandNode, NodeNet } from '../support/mesh/nodes-by-hand.ts';
import { FAULT_NODES, storeFaults } from '../support/suites/store-faults.ts';

const SEEDS = 8;

describe('a store that fails, loses a write, or writes and never says so', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('faults', ...FAULT_NODES);
  });

  for (let seed = 1; seed <= SEEDS; seed++)
    it(`loses nothing that was acknowledged, and says nothing twice under one number (seed ${seed})`, () =>
      storeFaults(fixture, seed));
});

describe('a message that the store of its node refuses', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('refused', ...FAULT_NODES);
  });

  const meet = (): { net: NodeNet; ann: HandNode; bob: HandNode; eve: HandNode } => {
    const net = new NodeNet(fixture);
    const [ann, bob, eve] = FAULT_NODES.map((name) => net.start(name)) as [HandNode, HandNode, HandNode];
    net.connect(ann, bob);
    net.settle();
    return { net, ann, bob, eve };
  };
  const heard = ({ events }: HandNode): string[] =>
    events.flatMap((event) => (event.tag === 'message' ? [new TextDecoder().decode(event.message.payload)] : []));
  const indicator = (value: string): string => JSON.stringify({ kind: 'hash', value, risk: 1 });

  it('comes to no neighbour, neither pushed nor pulled, and what is accepted does', () => {
    const { net, ann, bob, eve } = meet();
    ann.isStoreSlow = true;
    const refused = ann.publish(indicator('refused'));
    net.settle();
    net.connect(ann, eve); // pulls while the message waits for the disk
    net.pass(5 * SECOND_MS);
    assert.equal(ann.heldIds.length, 1);
    assert.deepEqual([bob.heldIds, eve.heldIds], [[], []]);

    ann.isStoreSlow = false;
    ann.doesStoreFail = true;
    net.settle();
    assert.equal(ann.answerTo(refused), 'ERR_STORAGE');
    assert.deepEqual(ann.heldIds, []);

    ann.doesStoreFail = false;
    const again = ann.publish(indicator('accepted'));
    net.pass(60 * SECOND_MS);
    assert.equal(ann.answerTo(again), 'ok');
    for (const node of [bob, eve]) assert.deepEqual(heard(node), [indicator('accepted')]);
    ann.restart();
    assert.equal(ann.heldIds.length, 1);
  });

  it('may be handed in again by the member who signed it, and comes to everybody once', () => {
    const { net, ann, bob, eve } = meet();
    eve.publish(indicator('of a member'));
    net.settle();
    const [held] = Array.from(eve.node.holdings.messages.values());
    const message = eve.node.holdings.read(held?.contentKey ?? '');
    assert.ok(message !== undefined);
    ann.node.keepChain(net.now, fixture.member('eve').chain);
    net.settle();

    ann.doesStoreFail = true;
    const refused = ann.submit(message, eve.id);
    net.settle();
    assert.equal(ann.answerTo(refused), 'ERR_STORAGE');
    net.pass(5 * SECOND_MS);
    assert.deepEqual([ann.heldIds, bob.heldIds], [[], []]);

    ann.doesStoreFail = false;
    net.pass(2 * SECOND_MS);
    const again = ann.submit(message, eve.id);
    net.pass(5 * SECOND_MS);
    assert.equal(ann.answerTo(again), 'ok');
    assert.deepEqual([ann.heldIds, bob.heldIds], [[message.id], [message.id]]);
    assert.deepEqual(heard(bob), [indicator('of a member')]);
  });

  it('is to be handed in as it is where it had come by another way before', () => {
    const { net, ann, eve } = meet();
    ann.doesStoreFail = true;
    net.connect(ann, eve);
    net.settle();
    eve.publish(indicator('known'));
    net.settle();
    const [held] = Array.from(ann.node.holdings.messages.values());
    const message = ann.node.holdings.read(held?.contentKey ?? '');
    assert.ok(message !== undefined);
    const request = ann.submit(message, eve.id);
    net.pass(2 * SECOND_MS);
    const answer = ann.answers.get(request);
    assert.ok(answer?.tag === 'refused' && answer.code === 'ERR_STORAGE');
    assert.match(answer.hint ?? '', /this very message/);
    assert.deepEqual(ann.heldIds, [message.id]);
  });

  it('leaves so few gaps in a stream that neighbours take what follows, however often the store fails', () => {
    const { net, ann, bob } = meet();
    const first = ann.node.incarnation;
    const accepted: string[] = [];
    for (let i = 0; i < 2 * OWN_GAPS_MAX + 4; i++) {
      ann.doesStoreFail = true;
      ann.publish(indicator(`refused ${i}`));
      net.settle();
      ann.doesStoreFail = false;
      net.pass(2 * SECOND_MS);
      ann.publish(indicator(`accepted ${i}`));
      accepted.push(indicator(`accepted ${i}`));
      net.pass(2 * SECOND_MS);
    }
    assert.deepEqual(heard(bob), accepted);
    assert.ok(ann.node.incarnation > first);
    for (const { ranges } of bob.node.holdings.messages.streams.values()) assert.ok(ranges.count <= OWN_GAPS_MAX + 1);
  });
});
