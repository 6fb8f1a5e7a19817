import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { after, MINUTE_MS, SECOND_MS, unixSeconds } from '../../../src/base/time.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { TlsDialler } from '../../../src/host/tls/dialler.ts';
import type { RevocationReason } from '../../../src/pki/x509/crl/revocation-reason.ts';
import { HostileLink, type Member as Holder, TYPE } from '../../support/hostile/hostile-link.ts';
import { messageByHand, type Saying } from '../../support/hostile/message-by-hand.ts';
import { linkedPair, type Member, TestMesh, type TestNode } from '../../support/mesh/nodes-on-loopback.ts';
import { RawTls } from '../../support/raw-tls.ts';

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

/** The same member, in hands that follow no rules. */
const handsOf = ({ nodeId, tls }: Member): Holder => ({ nodeId, mesh: mesh.mesh, ...tls });

function dial(from: TestNode, to: TestNode): Promise<unknown> {
  const dialler = new TlsDialler({ mesh: mesh.mesh, identity: from.member.tls, judge: from.host.judge });
  return dialler.dial(to.address, to.nodeId);
}

function heldBy({ host }: TestNode): readonly string[] {
  return Array.from(host.node.holdings.messages.values(), ({ id }) => id);
}

describe('a certificate whose name has gone to another key, used live (T13)', () => {
  it('its link ends and it is let in no more; its successor is, under the same name', async (t) => {
    const [a, b] = await linkedPair(t, mesh);
    const former = await mesh.start(t, { member: await mesh.member({ nodeId: 'pump-1' }) });
    former.learn(a);
    await Promise.all([a.linkedWith(former), former.linkedWith(a)]);
    const said = await former.say('while it was mine');
    await Promise.all([a.got(said), b.got(said)]);

    const successor = await mesh.member({ nodeId: 'pump-1' });
    const revokedAt = after(systemClock.wall(), SECOND_MS); // dates of lists are whole seconds
    assert.ok(a.host.installCrl(await mesh.revoke(former.member, { reason: 'superseded', revokedAt })));
    const down = await a.unlinkedFrom(former);
    assert.equal(down.tag === 'link-down' && down.why, 'revoked');
    assert.ok(heldBy(a).includes(said), 'what it said in its time is kept');
    for (const alpn of ['dadm-mesh/1', 'http/1.1']) {
      const dialled = new RawTls(a.address, former.member.tls, { ALPNProtocols: [alpn] });
      assert.equal((await dialled.untilClosed()).length, 0, 'before a byte');
      assert.equal(a.refused.at(-1)?.code, 'ERR_PATH_REVOKED');
    }
    await assert.rejects(dial(a, former), { code: 'ERR_REMOTE', message: /was revoked at/ });

    const seen = a.events.length;
    const next = await mesh.start(t, { member: successor });
    next.learn(a);
    await Promise.all([a.untilAfter(seen, 'link-up'), next.linkedWith(a)]);
    const anew = await next.say('now it is mine');
    await Promise.all([a.got(anew), b.got(anew)]);
    assert.deepEqual([...a.unexpected, ...b.unexpected], []);
  });

  for (const [reason, isSpared] of [
    ['superseded', true],
    ['keyCompromise', false],
  ] as const satisfies readonly (readonly [RevocationReason, boolean])[])
    it(`what it signed before and somebody brings now counts ${isSpared ? 'still' : 'no more'}, where it was ${reason}; what it signed later never`, async (t) => {
      const [a, b] = await linkedPair(t, mesh);
      const former = await mesh.start(t, { member: await mesh.member({ nodeId: 'pump-2' }) });
      former.learn(a);
      await Promise.all([a.linkedWith(former), former.linkedWith(a)]); // so that its chain is known
      const now = systemClock.wall();
      const revokedAt = after(now, -MINUTE_MS);
      assert.ok(a.host.installCrl(await mesh.revoke(former.member, { reason, revokedAt })));
      await a.unlinkedFrom(former);

      const bringer = await mesh.member();
      const link = await HostileLink.up(a.address, handsOf(bringer));
      t.after(() => link.end());
      const incarnation = unixSeconds(now);
      const bring = (counter: number, issuedAtMs: number, more: Partial<Saying> = {}): void => {
        const issuedAtSec = Math.floor(issuedAtMs / SECOND_MS);
        const what = { incarnation, counter, text: `number ${counter}`, issuedAtSec, ...more };
        link.say([TYPE.message, messageByHand(handsOf(former.member), what)]);
      };
      bring(0, revokedAt - SECOND_MS);
      bring(1, revokedAt + SECOND_MS);
      assert.ok(await link.isAlive(), 'who brings it is not to blame: the list may not have come there');
      const own = { incarnation, counter: 0, text: 'of who brings it' };
      link.say([TYPE.message, messageByHand(handsOf(bringer), own)]);
      const isOf = (nodeId: string) => (id: string) => id.startsWith(`${nodeId}.`);
      for (const node of [a, b])
        for (const origin of isSpared ? [former.nodeId, bringer.nodeId] : [bringer.nodeId])
          await node.until((event) => event.tag === 'message' && event.held.origin === origin);
      for (const node of [a, b])
        assert.equal(heldBy(node).filter(isOf('pump-2')).length, isSpared ? 1 : 0, JSON.stringify(heldBy(node)));
      assert.deepEqual(a.host.node.statistics.dropped, { 'revoked-origin': isSpared ? 1 : 2 });
    });
});
