import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { utf8 } from '../../src/base/bytes.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../src/base/time.ts';
import { INBOUND_MAX, LINKS_MAX, OUTBOUND_TARGET } from '../../src/engine/links/connector.ts';
import { CROSSING_MS_MAX, PROBATION_MS } from '../../src/engine/links/link.ts';
import { parseAddress } from '../../src/message/payloads/address.ts';
import { MeshFixture } from '../support/mesh/mesh-fixture.ts';
import { type HandNode, NodeNet } from '../support/mesh/nodes-by-hand.ts';

import { nodesInRow } from './nodes-in-row.ts';

describe('links of a node', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create(
      'fixture',
      'ann',
      'bob',
      'eve',
      ...Array.from({ length: 14 }, (_, i) => `n${i}`),
    );
  });

  it('with itself or with nobody new are not held', () => {
    const net = new NodeNet(fixture);
    const ann = net.start('ann');
    net.connect(ann, ann);
    net.settle();
    assert.deepEqual(ann.linkedNames, []);
  });

  it('are one between two nodes, the same at both ends, also when both dial', () => {
    const { net, nodes } = nodesInRow(fixture, 'ann', 'bob');
    const [ann, bob] = nodes as [HandNode, HandNode];
    net.connect(bob, ann);
    net.settle();
    assert.deepEqual([ann.linkedNames, bob.linkedNames], [['bob'], ['ann']]);
    const dialler = ann.id < bob.id ? ann : bob;
    assert.equal(dialler.node.links[0]?.end.direction, 'outbound', 'of twins the one that the lower id dialled stays');
    net.pass(MINUTE_MS);
    ann.publish();
    net.settle();
    assert.deepEqual(bob.heldIds, ann.heldIds);
  });

  it('give way to a newer one with the same peer once they have stood, whoever dialled: it has lost them, or a clone (T24)', () => {
    for (const [first, second] of [
      ['ann', 'bob'],
      ['bob', 'ann'],
    ] as const) {
      const net = new NodeNet(fixture);
      const [old, anew] = [net.start(first), net.start(second)];
      net.connect(old, anew);
      net.pass(CROSSING_MS_MAX);
      net.connect(anew, old);
      net.settle();
      assert.deepEqual([old.linkedNames, anew.linkedNames], [[second], [first]]);
      assert.equal(anew.node.links[0]?.end.direction, 'outbound', `${second}, which dialled last`);
    }
  });

  it('with a peer that we dialled and that dials us take no place that is kept for our choice (T4)', () => {
    const net = new NodeNet(fixture);
    const ann = net.start('ann');
    const chosen = net.start('bob');
    net.connect(ann, chosen);
    for (let i = 0; i < INBOUND_MAX; i++) net.connect(net.start(`n${i}`), ann);
    net.pass(CROSSING_MS_MAX);
    assert.equal(ann.linkedNames.length, INBOUND_MAX + 1);
    net.connect(chosen, ann);
    net.settle();
    const inbound = ann.node.links.filter(({ end }) => end.direction === 'inbound');
    assert.equal(inbound.length, INBOUND_MAX);
    assert.ok(!ann.linkedNames.includes('bob'));
  });

  it('dialled by others take only so many places (T4)', () => {
    const net = new NodeNet(fixture);
    const ann = net.start('ann');
    const others = Array.from({ length: INBOUND_MAX + 2 }, (_, i) => net.start(`n${i}`));
    for (const other of others) net.connect(other, ann);
    net.settle();
    assert.equal(ann.linkedNames.length, INBOUND_MAX);
    assert.equal(others.filter((other) => other.linkedNames.length === 0).length, 2);
    const chosen = net.start('bob');
    net.connect(ann, chosen);
    net.settle();
    assert.equal(ann.linkedNames.length, INBOUND_MAX + 1, 'there is room for those of its own choice');
  });

  describe('of our choice, when one more than wanted is dialled', () => {
    const chosenBy = (net: NodeNet, ann: HandNode): HandNode[] => {
      const chosen = Array.from({ length: OUTBOUND_TARGET }, (_, i) => net.start(`n${i}`));
      for (const other of chosen) net.connect(ann, other);
      net.settle();
      assert.equal(ann.linkedNames.length, OUTBOUND_TARGET);
      return chosen;
    };

    it('one gives way to it', () => {
      const net = new NodeNet(fixture);
      const [ann, bob] = [net.start('ann'), net.start('bob')];
      chosenBy(net, ann);
      net.connect(ann, bob);
      net.settle();
      assert.equal(ann.linkedNames.length, OUTBOUND_TARGET);
      assert.ok(ann.linkedNames.includes('bob'));
    });

    it('none gives way to a peer that has no place for us', () => {
      const net = new NodeNet(fixture);
      const [ann, bob] = [net.start('ann'), net.start('bob')];
      const chosen = chosenBy(net, ann);
      for (let i = 0; i < INBOUND_MAX; i++) net.connect(net.start(`n${OUTBOUND_TARGET + i}`), bob);
      net.settle();
      net.connect(ann, bob);
      net.settle();
      assert.deepEqual(ann.linkedNames, chosen.map(({ name }) => name).toSorted());
    });

    it('none gives way to a peer that says no more than hello, which is let go after seconds', (t) => {
      const net = new NodeNet(fixture);
      const [ann, bob] = [net.start('ann'), net.start('bob')];
      const chosen = chosenBy(net, ann).map(({ name }) => name);
      t.mock.method(bob.node, 'handleLinkBytes', () => undefined);
      net.connect(ann, bob);
      net.settle();
      assert.deepEqual(ann.linkedNames, chosen.toSorted());
      assert.equal(net.connectionsOf(ann), OUTBOUND_TARGET + 1);
      net.pass(6 * SECOND_MS);
      assert.equal(net.connectionsOf(ann), OUTBOUND_TARGET);
    });

    it('none gives way where there is no place for both before the peer has shown that it has one', (t) => {
      const net = new NodeNet(fixture);
      const [ann, bob, eve] = [net.start('ann'), net.start('bob'), net.start('eve')];
      const chosen = chosenBy(net, ann).map(({ name }) => name);
      for (let i = 0; i < INBOUND_MAX; i++) net.connect(net.start(`n${OUTBOUND_TARGET + i}`), ann);
      net.settle();
      assert.equal(ann.linkedNames.length, LINKS_MAX);
      t.mock.method(eve.node, 'handleLinkBytes', () => undefined);
      net.connect(ann, eve);
      net.settle();
      assert.deepEqual(
        chosen.filter((name) => !ann.linkedNames.includes(name)),
        [],
      );
      net.connect(ann, bob);
      net.settle();
      assert.equal(ann.linkedNames.length, LINKS_MAX);
      assert.ok(ann.linkedNames.includes('bob'));
      assert.equal(chosen.filter((name) => !ann.linkedNames.includes(name)).length, 1);
    });

    it('the one gives way whose last news is oldest', () => {
      const net = new NodeNet(fixture);
      const [ann, bob] = [net.start('ann'), net.start('bob')];
      const chosen = chosenBy(net, ann);
      for (const other of chosen.slice(1)) {
        other.publish();
        net.pass(SECOND_MS);
      }
      net.connect(ann, bob);
      net.settle();
      assert.deepEqual(ann.linkedNames, ['bob', ...chosen.slice(1).map(({ name }) => name)].toSorted());
    });

    it('none is tried with a peer that has a place already: that link gives way to it at once', (t) => {
      const net = new NodeNet(fixture);
      const [ann, bob] = [net.start('ann'), net.start('bob')];
      chosenBy(net, ann);
      net.connect(bob, ann);
      net.pass(CROSSING_MS_MAX);
      assert.ok(ann.linkedNames.includes('bob'));
      t.mock.method(bob.node, 'handleLinkBytes', () => undefined);
      net.connect(ann, bob);
      net.settle();
      assert.ok(ann.linkedNames.includes('bob'));
      assert.equal(ann.linkedNames.length, OUTBOUND_TARGET);
    });

    it('each side dials the other: one link is left of both', () => {
      const net = new NodeNet(fixture);
      const [ann, bob] = [net.start('ann'), net.start('bob')];
      chosenBy(net, ann);
      net.connect(ann, bob);
      net.connect(bob, ann);
      net.settle();
      for (const side of [ann, bob]) assert.equal(net.connectionsOf(side), side.linkedNames.length);
      assert.ok(ann.linkedNames.includes('bob') && bob.linkedNames.includes('ann'));
    });
  });

  it('make room for another where somebody who dialled us brings nothing, and for none where all bring news (T4)', () => {
    const net = new NodeNet(fixture);
    const ann = net.start('ann');
    const dialling = (i: number): HandNode => net.start(`n${i}`);
    for (let i = 0; i < INBOUND_MAX; i++) net.connect(dialling(i), ann);
    net.pass(PROBATION_MS / 2);
    net.connect(dialling(8), ann);
    net.settle();
    assert.ok(!ann.linkedNames.includes('n8'), 'each has some time to show what it is good for');
    for (let i = 1; i < INBOUND_MAX; i++) net.nodes.get(`n${i}`)?.publish();
    net.pass(PROBATION_MS);
    net.connect(dialling(9), ann);
    net.settle();
    assert.ok(ann.linkedNames.includes('n9'));
    assert.ok(!ann.linkedNames.includes('n0'), 'the one that brought nothing');
    assert.equal(ann.linkedNames.length, INBOUND_MAX);
  });

  it('end with a word when a node leaves', () => {
    const { net, nodes } = nodesInRow(fixture, 'ann', 'bob');
    const [ann, bob] = nodes as [HandNode, HandNode];
    ann.node.leave(net.now);
    net.settle();
    assert.deepEqual(bob.said('link-down'), [{ tag: 'link-down', peer: ann.id, why: 'leaving' }]);
    const seen = [...bob.node.peersSeen.entries()];
    assert.deepEqual(
      seen.map(([nodeId]) => nodeId),
      [ann.id],
    );
  });

  it('end when the certificate of the peer does', async () => {
    const own = await MeshFixture.create('ending', 'ann', 'bob');
    const net = new NodeNet(own);
    const [ann, bob] = [net.start('ann'), net.start('bob')];
    net.pass(7 * DAY_MS - 2 * MINUTE_MS);
    net.connect(ann, bob);
    net.pass(MINUTE_MS);
    assert.deepEqual(ann.linkedNames, ['bob']);
    net.pass(2 * MINUTE_MS);
    assert.deepEqual(ann.linkedNames, []);
  });

  it('with a peer that misbehaved are refused for a while', () => {
    const { net, nodes } = nodesInRow(fixture, 'ann', 'bob');
    const [ann, bob] = nodes as [HandNode, HandNode];
    const [link] = ann.node.links;
    ann.node.handleLinkBytes(net.now, link?.end.id as number, utf8('GET / HTTP/1.1\r\n\r\n'));
    net.settle();
    assert.deepEqual(ann.linkedNames, []);
    net.connect(bob, ann);
    net.settle();
    assert.deepEqual(ann.linkedNames, []);
    net.pass(11 * MINUTE_MS);
    net.connect(bob, ann);
    net.settle();
    assert.deepEqual(ann.linkedNames, ['bob']);
  });

  it('are tried where somebody is said to listen', () => {
    const net = new NodeNet(fixture);
    const [ann, bob] = [net.start('ann'), net.start('bob')];
    ann.node.handleCandidate(net.now, { address: parseAddress('bob:1'), source: 'bootstrap', nodeId: bob.id });
    net.pass(1);
    assert.deepEqual(
      ann.dials.map(({ address, expected }) => [address, expected]),
      [['bob:1', bob.id]],
    );
    assert.equal(net.connect(ann, bob, ann.dials[0]?.dial), true);
    net.settle();
    assert.deepEqual(ann.linkedNames, ['bob']);
  });
});
