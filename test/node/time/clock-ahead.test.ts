import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { after, DAY_MS, HOUR_MS, type Instant, MINUTE_MS, type UnixMs } from '../../../src/base/time.ts';
import { MeshFixture } from '../../support/mesh/mesh-fixture.ts';
import { type HandNode, NodeNet } from '../../support/mesh/nodes-by-hand.ts';

const TEN_YEARS_MS = 3_652 * DAY_MS;

/** The same moment on a wall clock that is ahead. */
function ahead({ mono, wall }: Instant, ms: number): Instant {
  return { mono, wall: (wall + ms) as UnixMs };
}

/** Everything that a node does when it is woken with its wall clock so far ahead, sweeps too. */
function livesAhead(net: NodeNet, node: HandNode, ms: number): void {
  const { mono, wall } = ahead(net.now, ms);
  node.node.handleTimeout({ mono: after(mono, 2 * MINUTE_MS), wall });
  net.settle();
  net.pass(3 * MINUTE_MS);
}

describe('a wall clock that is set ahead while a node runs (T6)', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('ahead', 'ann', 'bob');
  });

  it('costs no message that was acknowledged, and it spreads once the clock is right', () => {
    const net = new NodeNet(fixture);
    const ann = net.start('ann');
    const request = ann.publish();
    net.settle();
    assert.equal(ann.answerTo(request), 'ok');
    livesAhead(net, ann, TEN_YEARS_MS);
    assert.equal(ann.heldIds.length, 1);
    assert.equal(Array.from(ann.store.load().messages).length, 1);
    const bob = net.start('bob');
    net.connect(ann, bob);
    net.pass(MINUTE_MS);
    assert.deepEqual(bob.heldIds, ann.heldIds);
    assert.equal(bob.heldIds.length, 1);
  });

  it('brings nobody back whose revocation the newest list leaves out', async () => {
    const own = await MeshFixture.create('ahead rollback', 'ann', 'eve');
    const restored = await MeshFixture.create('ahead rollback');
    const net = new NodeNet(own);
    const ann = net.start('ann');
    const eve = net.start('eve');
    net.connect(eve, ann);
    net.settle();
    ann.node.installCrl(net.now, await own.authority.revoke([own.member('eve').chain], net.now.wall));
    net.pass(MINUTE_MS);
    ann.node.installCrl(net.now, await restored.authority.revoke([], net.now.wall));
    livesAhead(net, ann, TEN_YEARS_MS);
    assert.equal(net.connect(eve, ann), false);
    ann.restart();
    assert.equal(net.connect(eve, ann), false);
  });

  it('does not keep the node awake for what it may not forget yet', () => {
    const net = new NodeNet(fixture);
    const ann = net.start('ann');
    ann.publish();
    net.settle();
    const late = ahead(net.now, TEN_YEARS_MS);
    for (let turn = 0; turn < 3; turn++) ann.node.handleTimeout(late);
    assert.ok(ann.node.deadline(late) > late.mono);
  });

  it('is believed as far as the authority has signed since, and as time has passed', async () => {
    const net = new NodeNet(fixture);
    const ann = net.start('ann');
    ann.publish(); // for an hour
    net.settle();
    const late = ahead(net.now, 2 * HOUR_MS);
    ann.node.handleTimeout(late);
    assert.equal(ann.heldIds.length, 1);
    ann.node.installCrl(late, await fixture.authority.revoke([], (late.wall - MINUTE_MS) as UnixMs));
    ann.node.handleTimeout(late);
    assert.equal(ann.heldIds.length, 0, 'the list is younger than the end of the message');

    const again = net.start('bob');
    again.publish();
    net.settle();
    net.pass(HOUR_MS);
    assert.equal(again.heldIds.length, 0, 'an hour has passed');
  });
});
