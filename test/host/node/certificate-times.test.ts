import assert from 'node:assert/strict';
import { before, describe, it, type TestContext } from 'node:test';
import {
  after,
  DAY_MS,
  HOUR_MS,
  type Instant,
  MINUTE_MS,
  type MonotonicMs,
  type UnixMs,
} from '../../../src/base/time.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { TlsDialler } from '../../../src/host/tls/dialler.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { linkedPair, type Member, TestMesh, type TestNode } from '../../support/mesh/nodes-on-loopback.ts';
import { RawTls } from '../../support/raw-tls.ts';

/** A machine's clocks, both ahead by what the test says: as if so much time had passed. */
class PassingClock implements Clock {
  laterMs = 0;

  monotonic(): MonotonicMs {
    return after(systemClock.monotonic(), this.laterMs);
  }

  wall(): UnixMs {
    return after(systemClock.wall(), this.laterMs);
  }

  now(): Instant {
    return { mono: this.monotonic(), wall: this.wall() };
  }
}

let mesh: TestMesh;
/** Its certificate has ended. */
let ended: Member;
/** Its certificate begins tomorrow. */
let early: Member;
before(async () => {
  mesh = await TestMesh.make();
  ended = await mesh.member({ issuedAt: after(systemClock.wall(), -2 * DAY_MS), lifeMs: HOUR_MS });
  early = await mesh.member({ issuedAt: after(systemClock.wall(), DAY_MS) });
});

/** What a node that is woken then does; its timers are of the machine, and do not know. */
function wake({ host }: TestNode): void {
  host.node.handleTimeout(host.now());
  host.wake();
}

async function assertTraffic(a: TestNode, b: TestNode): Promise<void> {
  await b.got(await a.say('one way'));
  await a.got(await b.say('the other'));
  assert.deepEqual([...a.unexpected, ...b.unexpected], []);
}

describe('a certificate out of its time at a handshake (T6)', () => {
  for (const [what, memberOf, code] of [
    ['has ended', () => ended, 'ERR_PATH_EXPIRED'],
    ['has not begun', () => early, 'ERR_PATH_NOT_YET_VALID'],
  ] as const) {
    for (const [protocol, alpn] of [
      ['a link', 'dadm-mesh/1'],
      ['HTTP', 'http/1.1'],
    ] as const)
      it(`of who dials for ${protocol} and ${what}: shut out before a byte`, async (t) => {
        const [a, b] = await linkedPair(t, mesh);
        const dialled = new RawTls(a.address, memberOf().tls, { ALPNProtocols: [alpn] });
        assert.equal((await dialled.untilClosed()).length, 0);
        assert.equal(a.refused.at(-1)?.code, code);
        await assertTraffic(a, b);
      });

    it(`of who is dialled and ${what}: no peer, and nothing is said to it`, async (t) => {
      const [a, b] = await linkedPair(t, mesh);
      const other = await mesh.start(t, { member: memberOf() });
      const dialler = new TlsDialler({ mesh: mesh.mesh, identity: a.member.tls, judge: a.host.judge });
      const message = code === 'ERR_PATH_EXPIRED' ? /expired at/ : /is valid from/;
      await assert.rejects(dialler.dial(other.address, other.nodeId), { code: 'ERR_REMOTE', message });
      const failed = a.host.node.statistics.dialsFailed;
      a.learn(other);
      await untilDialFailed(a, failed);
      assert.equal(other.events.length, 0, 'the other heard of a link');
      await assertTraffic(a, b);
    });
  }
});

describe('a certificate that ends', () => {
  /** Two nodes on clocks of their own; the second one's certificate ends soon, the first one's in a day. */
  async function pair(t: TestContext, lifeMs = HOUR_MS): Promise<readonly [TestNode, TestNode, PassingClock]> {
    const clock = new PassingClock();
    const [a, b] = [
      await mesh.start(t, { clock, member: await mesh.member({ lifeMs: DAY_MS }) }),
      await mesh.start(t, { member: await mesh.member({ lifeMs }) }),
    ];
    a.learn(b);
    await Promise.all([a.linkedWith(b), b.linkedWith(a)]);
    await assertTraffic(a, b);
    return [a, b, clock];
  }

  it('while its link is up ends the link at the next look, and the node goes on with others', async (t) => {
    const [a, b, clock] = await pair(t);
    clock.laterMs = 2 * HOUR_MS;
    wake(a);
    await Promise.all([a.unlinkedFrom(b), b.unlinkedFrom(a)]);
    const again = new RawTls(a.address, b.member.tls);
    assert.equal((await again.untilClosed()).length, 0);
    assert.equal(a.refused.at(-1)?.code, 'ERR_PATH_EXPIRED');
    const c = await mesh.start(t, { clock, member: await mesh.member({ lifeMs: DAY_MS }) });
    c.learn(a);
    await Promise.all([a.linkedWith(c), c.linkedWith(a)]);
    await assertTraffic(a, c);
  });

  it('while its session is kept is not resumed, and nobody takes its place', async (t) => {
    const [a, b, clock] = await pair(t);
    for (const socket of a.sockets) socket.destroy();
    await Promise.all([a.unlinkedFrom(b), b.unlinkedFrom(a)]);
    clock.laterMs = 2 * HOUR_MS;
    const failed = a.host.node.statistics.dialsFailed;
    wake(a);
    await untilDialFailed(a, failed);
    assert.deepEqual(a.host.node.links, []);
    assert.equal(a.sockets.filter((socket) => socket.isSessionReused()).length, 0);
  });

  it('leaves what was said in its time, and lets nothing be said later', async (t) => {
    const [a, b, clock] = await pair(t, HOUR_MS / 2);
    const before = await b.say('in time');
    await a.got(before);
    clock.laterMs = HOUR_MS / 2 + MINUTE_MS; // messages of these tests live for an hour
    wake(a);
    await a.unlinkedFrom(b);
    const held = Array.from(a.host.node.holdings.messages.values(), ({ id }) => id);
    assert.ok(held.includes(before));
    const late = await mesh.start(t, { clock, member: b.member });
    await assert.rejects(late.say('too late'), { code: 'ERR_PATH_EXPIRED' });
  });
});

async function untilDialFailed(node: TestNode, failed: number): Promise<void> {
  while (node.host.node.statistics.dialsFailed === failed) await new Promise((resolve) => setTimeout(resolve, 5));
}
