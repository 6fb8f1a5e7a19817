import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY_MS } from '../../../src/base/time.ts';
import { CANDIDATES_MAX } from '../../../src/authority/enrollment/check-in.ts';
import { REFUSAL_RATE } from '../../../src/authority/audit-trail.ts';
import { findBreak } from '../../../src/audit/audit-log.ts';
import { auditOf, authorityWorld, enrollmentOf, newToken } from '../../support/mesh/authority-world.ts';

test('a check-in is seen in the list of nodes, and makes the node a peer for others', async () => {
  const { authority, clock } = await authorityWorld();
  const token = await newToken(authority, { usesMax: 3 });
  const [a, b, c] = [
    await authority.enroll(await enrollmentOf(token)),
    await authority.enroll(await enrollmentOf(token)),
    await authority.enroll(await enrollmentOf(token)),
  ];
  const said = { crlNumber: 7, version: '1', address: '192.0.2.7:4433' };
  const first = await authority.checkIn({ ...said, nodeId: a.nodeId });
  assert.deepEqual(first, { crlNumber: authority.crl.number, peers: [] });
  const second = await authority.checkIn({ ...said, nodeId: b.nodeId, address: '[2001:db8::1]:1' });
  assert.deepEqual(second.peers, [{ nodeId: a.nodeId, address: '192.0.2.7:4433' }]);
  await authority.checkIn({ ...said, nodeId: c.nodeId, address: undefined });
  assert.deepEqual(
    (await authority.bootstrapPeers(b.nodeId)).map(({ nodeId }) => nodeId),
    [a.nodeId],
  );
  const summary = (await authority.listNodes()).find(({ nodeId }) => nodeId === a.nodeId);
  assert.deepEqual(summary?.sighting, {
    nodeId: a.nodeId,
    seenAt: clock.wall(),
    address: '192.0.2.7:4433',
    crlNumber: 7,
    version: '1',
  });
  await assert.rejects(authority.checkIn({ ...said, nodeId: a.nodeId, address: 'no address' }), { code: 'ERR_INPUT' });
});

test('revoked, expired and long silent nodes are no peers for others (S1.74)', async () => {
  const { authority, clock } = await authorityWorld({ policy: { certificateLifeMs: 2 * DAY_MS } });
  const enrol = async () => (await authority.enroll(await enrollmentOf(await newToken(authority)))).nodeId;
  const said = { crlNumber: 0, version: '1', address: 'host:1' };
  const revoked = await enrol();
  await authority.checkIn({ ...said, nodeId: revoked });
  await authority.revoke({ tag: 'node', nodeId: revoked }, 'unspecified', 'test');
  assert.deepEqual(await authority.bootstrapPeers(), []);
  await authority.checkIn({ ...said, nodeId: await enrol() });
  assert.equal((await authority.bootstrapPeers()).length, 1);
  clock.pass(DAY_MS + 1);
  assert.deepEqual(await authority.bootstrapPeers(), []);
});

test('peers that are told are few, whatever their number', async () => {
  const { authority } = await authorityWorld();
  const token = await newToken(authority, { usesMax: 20 });
  for (let i = 0; i < 20; i++) {
    const { nodeId } = await authority.enroll(await enrollmentOf(token));
    await authority.checkIn({ nodeId, crlNumber: 0, version: '1', address: `h:${i + 1}` });
  }
  assert.equal((await authority.bootstrapPeers()).length, 8);
});

test('peers are drawn from those that were seen last', async () => {
  const { authority, clock } = await authorityWorld();
  const token = await newToken(authority, { usesMax: CANDIDATES_MAX + 1 });
  const nodeIds: string[] = [];
  for (let i = 0; i <= CANDIDATES_MAX; i++) {
    const { nodeId } = await authority.enroll(await enrollmentOf(token));
    await authority.checkIn({ nodeId, crlNumber: 0, version: '1', address: `h:${i + 1}` });
    nodeIds.push(nodeId);
    clock.pass(1_000);
  }
  const told = new Set<string>();
  for (let draw = 0; draw < 200; draw++) for (const { nodeId } of await authority.bootstrapPeers()) told.add(nodeId);
  assert.deepEqual(
    nodeIds.filter((nodeId) => !told.has(nodeId)),
    [nodeIds[0]],
  );
});

test('a flood of refusals does not fill the audit log, and what was left out is counted (T16)', async () => {
  const { authority, store, clock } = await authorityWorld();
  const request = await enrollmentOf('x'.repeat(48));
  for (let i = 0; i < REFUSAL_RATE.burstTokens + 50; i++) await assert.rejects(authority.enroll(request));
  const kept = (await auditOf(store)).filter(({ action }) => action === 'enrolment-refused').length;
  assert.equal(kept, REFUSAL_RATE.burstTokens);
  clock.pass(1_000);
  await assert.rejects(authority.enroll(request));
  assert.deepEqual((await auditOf(store)).at(-1)?.detail, [
    ['reason', 'unknown'],
    ['suppressed', '50'],
  ]);
  assert.equal(findBreak(undefined, await auditOf(store)), undefined);
});
