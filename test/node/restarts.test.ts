import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/base/time.ts';
import type { HeldCrl } from '../../src/engine/gossip/crl-sync.ts';
import { encodeNodeRecord } from '../../src/message/payloads/node-record.ts';
import { ARRIVALS_LEFT_FREE } from '../../src/node/node-start.ts';
import type { StoredMessage } from '../../src/ports/node-store.ts';
import { MemoryNodeStore } from '../../src/sim/members/memory-node-store.ts';
import { MeshFixture, NOW_MS } from '../support/mesh/mesh-fixture.ts';
import { type HandNode, NodeNet } from '../support/mesh/nodes-by-hand.ts';

import { nodesInRow } from './nodes-in-row.ts';

describe('a restart of a node', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann', 'bob', 'eve');
  });

  it('keeps what was acknowledged, and says nothing new under an old number (T24)', () => {
    const { net, nodes } = nodesInRow(fixture, 'ann', 'bob');
    const [ann, bob] = nodes as [HandNode, HandNode];
    ann.publish();
    net.settle();
    const [first] = ann.heldIds;
    ann.restart();
    assert.deepEqual(ann.heldIds, [first]);
    ann.publish('{"kind":"hash","value":"other","risk":1}');
    net.connect(ann, bob);
    net.settle();
    assert.equal(ann.heldIds.length, 2);
    assert.deepEqual(bob.heldIds, ann.heldIds);
    assert.equal(bob.node.statistics.conflicts, 0);
    assert.equal(bob.said('message').length, 2, 'nothing was accepted twice');
  });

  it('takes a message that the file has twice once, and forgets the second', () => {
    const net = new NodeNet(fixture);
    const ann = net.start('ann');
    ann.publish();
    net.settle();
    const { summary } = ann.node.holdings.messages;
    const [kept] = Array.from(ann.store.load().messages) as [StoredMessage];
    ann.store.applyNow([{ tag: 'put-message', message: { ...kept, arrival: kept.arrival + 1 } }]);
    ann.restart();
    net.settle();
    assert.equal(ann.node.holdings.messages.summary, summary);
    assert.deepEqual(Array.from(ann.store.load().messages), [kept]);
    ann.publish('{"kind":"hash","value":"other","risk":1}');
    net.settle();
    assert.deepEqual(
      Array.from(ann.store.load().messages, ({ arrival }) => arrival),
      [kept.arrival, kept.arrival + 2 + ARRIVALS_LEFT_FREE],
    );
  });

  it('loses what was not durable, and nothing is acknowledged of it', () => {
    const net = new NodeNet(fixture);
    const ann = net.start('ann');
    ann.isStoreSlow = true;
    const request = ann.publish();
    net.settle();
    ann.isStoreSlow = false;
    ann.restart();
    net.settle();
    assert.equal(ann.answerTo(request), undefined);
    assert.deepEqual(ann.heldIds, []);
  });

  it('of a restored snapshot opens a stream above the one that a peer holds (T24)', () => {
    const { net, nodes } = nodesInRow(fixture, 'ann', 'bob');
    const [ann, bob] = nodes as [HandNode, HandNode];
    for (let i = 0; i < 3; i++) ann.restart();
    net.connect(ann, bob);
    ann.publish();
    net.settle();
    const { incarnation } = ann.node;
    ann.restart(new MemoryNodeStore());
    assert.ok(ann.node.incarnation < incarnation);
    net.connect(ann, bob);
    net.settle();
    assert.equal(ann.node.incarnation, incarnation + 1);
    assert.equal(ann.store.load().incarnation, incarnation + 1);
    ann.publish('{"kind":"hash","value":"other","risk":1}');
    net.settle();
    assert.equal(bob.heldIds.length, 2);
    assert.equal(bob.node.statistics.conflicts, 0);
  });

  it('with a clock years ahead says nothing, and is heard once its clock is right', () => {
    const net = new NodeNet(fixture);
    const ann = net.start('ann', { announces: true });
    const { now } = net;
    let aheadMs = 3_652 * DAY_MS;
    Object.defineProperty(net, 'now', {
      get: () => ({ mono: now.mono + passedMs, wall: now.wall + passedMs + aheadMs }),
    });
    let passedMs = 0;
    ann.restart();
    assert.throws(() => ann.publish(), { code: 'ERR_MESSAGE_UNKNOWN_ORIGIN' });
    ann.node.handleTimeout(net.now);
    net.settle();
    aheadMs = 0;
    const request = ann.publish();
    net.settle();
    assert.equal(ann.answerTo(request), 'ok');
    passedMs = 2 * MINUTE_MS;
    ann.node.handleTimeout(net.now);
    net.settle();
    assert.equal(ann.node.holdings.records.get(ann.id)?.incarnation, ann.node.incarnation, 'its record is told too');
  });

  it('as a clone shares its stream with the other for no longer than it takes to meet what that said (T24)', () => {
    const { net, nodes } = nodesInRow(fixture, 'ann', 'bob', 'eve');
    const [ann, bob] = nodes as [HandNode, HandNode, HandNode];
    const { incarnation } = ann.node;
    const request = ann.publish('{"kind":"hash","value":"of ann","risk":1}');
    net.settle();
    assert.equal(ann.answerTo(request), 'ok');
    // What the clone said under the same counter comes to bob by another way.
    const other = fixture.message('ann', { incarnation });
    bob.submit(other, bob.id);
    net.settle();
    assert.equal(bob.said('conflict').length, 1);
    assert.equal(ann.said('conflict').length, 1, 'ann was told');
    assert.ok(ann.node.incarnation > incarnation);
    // What the clone says under a counter that ann has not come to collides with nothing.
    bob.submit(fixture.message('ann', { incarnation, counter: 1 }), bob.id);
    net.pass(MINUTE_MS);
    const next = ann.publish();
    net.settle();
    assert.equal(ann.answerTo(next), 'ok');
    assert.equal(ann.store.load().incarnation, ann.node.incarnation);
  });

  it('as a clone that has said less leaves the stream to the other when it hears more of it (T24)', () => {
    const { net, nodes } = nodesInRow(fixture, 'ann', 'bob');
    const [ann, bob] = nodes as [HandNode, HandNode];
    const { incarnation } = ann.node;
    for (let counter = 0; counter < 5; counter++) bob.submit(fixture.message('ann', { incarnation, counter }), bob.id);
    net.pass(MINUTE_MS);
    assert.ok(ann.node.incarnation > incarnation);
    const request = ann.publish();
    net.settle();
    assert.equal(ann.answerTo(request), 'ok');
    assert.equal(bob.heldIds.length, 6);
  });

  it('as a clone that runs in a stream of its own is told by its record, and by nothing else (T24)', () => {
    const net = new NodeNet(fixture);
    const [ann, bob] = [net.start('ann', { announces: true }), net.start('bob')];
    net.connect(ann, bob);
    net.settle();
    const { incarnation } = ann.node;
    const alarms = (): number => ann.said('conflict').length;
    const say = (more: object, issuedAt: number): void => {
      bob.submit(fixture.message('ann', { incarnation: incarnation + 1, issuedAt, ...more }), bob.id);
      net.pass(MINUTE_MS);
    };
    const record = (name: string): object => ({
      type: 'record',
      payload: encodeNodeRecord({ name, version: '0.1.0', addresses: [], streams: [] }),
    });
    say({ counter: 0 }, NOW_MS + SECOND_MS);
    assert.equal(alarms(), 0, 'a program may have our certificate');
    say({ counter: 1, ...record('before this start') }, NOW_MS - MINUTE_MS);
    assert.equal(alarms(), 0, 'we said it ourselves, before a restart that lost it');
    say({ counter: 2, ...record('now') }, NOW_MS + SECOND_MS);
    assert.equal(alarms(), 1);
    assert.equal(ann.node.statistics.conflicts, 1);
    assert.equal(bob.said('conflict').length, 0, 'nobody else can tell');
  });

  it('remembers chains and lists: the revoked stay out', async () => {
    const own = await MeshFixture.create('restart', 'ann', 'bob', 'eve');
    const { net, nodes } = nodesInRow(own, 'ann', 'bob');
    const [ann] = nodes as [HandNode];
    ann.node.installCrl(net.now, await own.authority.revoke([own.member('eve').chain], net.now.wall));
    net.settle();
    ann.restart();
    assert.equal(ann.node.crls().length, 1);
    assert.equal(net.connect(net.start('eve'), ann), false);
  });

  it('remembers what a newer and emptier list left out, and says that it did (T5)', async () => {
    const own = await MeshFixture.create('rollback', 'ann', 'bob', 'eve');
    const restored = await MeshFixture.create('rollback'); // the same issuer, and nothing revoked
    const { net, nodes } = nodesInRow(own, 'ann', 'bob');
    const [ann] = nodes as [HandNode];
    const eve = net.start('eve');
    net.connect(eve, ann);
    net.settle();
    ann.node.installCrl(net.now, await own.authority.revoke([own.member('eve').chain], net.now.wall));
    net.pass(MINUTE_MS);
    const emptier = await restored.authority.revoke([], net.now.wall);
    assert.equal(ann.node.installCrl(net.now, emptier), true);
    net.settle();
    for (const { node } of [ann, ...nodes]) {
      const [{ number, issuerKeyHash }] = node.crls() as [HeldCrl];
      assert.equal(number, net.now.wall / 1_000);
      assert.equal(node.keptRevocations(issuerKeyHash), 1);
    }
    const serial = own.member('eve').chain[0]?.serial;
    assert.deepEqual(
      ann.said('crl').map((event) => event.tag === 'crl' && event.droppedLive),
      [[], [serial]],
    );
    for (let starts = 0; starts < 2; starts++) {
      ann.restart();
      assert.equal(net.connect(eve, ann), false);
      assert.equal(ann.node.keptRevocations(ann.node.crls()[0]?.issuerKeyHash ?? ''), 1);
    }
    // Nothing that eve has signed can live any longer than this, and the list need not be told of it again.
    net.pass(15 * DAY_MS + 2 * HOUR_MS);
    net.settle();
    assert.deepEqual(ann.store.load().revocations, []);
  });

  it('remembers why a node was revoked where a newer list softens that: what a thief signed stays out', async () => {
    const own = await MeshFixture.create('softened', 'ann', 'bob', 'eve');
    const softer = await MeshFixture.create('softened');
    const { net, nodes } = nodesInRow(own, 'ann', 'bob');
    const [ann, bob] = nodes as [HandNode, HandNode];
    const { chain } = own.member('eve');
    ann.node.installCrl(net.now, await own.authority.revoke([chain], net.now.wall));
    net.pass(MINUTE_MS);
    const stolen = own.message('eve', { issuedAt: net.now.wall });
    net.pass(MINUTE_MS);
    const list = await softer.authority.revoke([chain], net.now.wall, 'superseded');
    assert.equal(ann.node.installCrl(net.now, list), true);
    assert.equal(ann.said('crl').length, 2);
    for (let starts = 0; starts < 2; starts++) {
      ann.node.keepChain(net.now, chain);
      const request = ann.submit(stolen, bob.id);
      net.settle();
      assert.equal(ann.answerTo(request), 'ERR_MESSAGE_REVOKED_ORIGIN');
      ann.restart();
    }
  });

  it('lets go of what it took under a weaker reason when a newer list says a stricter one, and takes no more', async () => {
    const own = await MeshFixture.create('stricter', 'ann', 'bob', 'eve');
    const stricter = await MeshFixture.create('stricter');
    const { net, nodes } = nodesInRow(own, 'ann', 'bob');
    const [ann, bob] = nodes as [HandNode, HandNode];
    const { chain } = own.member('eve');
    for (const { node } of nodes) node.keepChain(net.now, chain);
    const before = own.message('eve', { issuedAt: net.now.wall });
    const backdated = own.message('eve', { issuedAt: net.now.wall, counter: 1 });
    net.pass(MINUTE_MS);
    for (const { node } of nodes)
      node.installCrl(net.now, await own.authority.revoke([chain], net.now.wall, 'cessationOfOperation'));
    for (const hand of [ann, bob]) {
      const request = hand.submit(before, bob.id);
      net.settle();
      assert.equal(hand.answerTo(request), 'ok');
    }
    assert.deepEqual([ann.heldIds.length, bob.heldIds.length], [1, 1]);
    net.pass(MINUTE_MS);
    ann.node.installCrl(net.now, await stricter.authority.revoke([chain], net.now.wall, 'keyCompromise'));
    net.settle();
    assert.deepEqual([ann.heldIds, bob.heldIds], [[], []]);
    for (const message of [before, backdated]) {
      const again = ann.submit(message, bob.id);
      net.settle();
      assert.equal(ann.answerTo(again), 'ERR_MESSAGE_REVOKED_ORIGIN');
    }
    ann.restart();
    assert.deepEqual(ann.heldIds, []);
  });

  it('forgets what ended, and what was revoked, while it was down', async () => {
    const own = await MeshFixture.create('away', 'ann', 'bob', 'eve');
    const { net, nodes } = nodesInRow(own, 'ann', 'bob', 'eve');
    const [ann, bob, eve] = nodes as [HandNode, HandNode, HandNode];
    eve.publish();
    bob.publish();
    net.settle();
    assert.equal(ann.heldIds.length, 2);
    const list = await own.authority.revoke([own.member('eve').chain], net.now.wall);
    ann.node.installCrl(net.now, list);
    net.settle();
    ann.restart();
    assert.deepEqual(ann.heldIds, [`${bob.id}.${bob.node.incarnation}.0`]);
    net.pass(2 * HOUR_MS);
    ann.restart();
    assert.deepEqual(ann.heldIds, []);
    net.settle();
    assert.deepEqual([...ann.store.load().messages], []);
  });
});
