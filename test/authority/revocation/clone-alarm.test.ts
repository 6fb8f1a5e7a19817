import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authority } from '../../../src/authority/authority.ts';
import {
  CLONE_ALARM_RATE,
  CLONE_ALARMS_MAX,
  noConflicts,
  reportClone,
} from '../../../src/authority/revocation/clone-alarm.ts';
import type { AuthorityCore } from '../../../src/authority/core.ts';
import { WatchedStore } from '../../../src/authority/health/watched-store.ts';
import { utf8 } from '../../../src/base/bytes.ts';
import { after, MINUTE_MS, type UnixMs } from '../../../src/base/time.ts';
import type { Signer } from '../../../src/crypto/keys/signer.ts';
import type { MeshName } from '../../../src/identity/mesh-name.ts';
import { parseMessageType } from '../../../src/message/family.ts';
import { encodeNodeRecord } from '../../../src/message/payloads/node-record.ts';
import { assembleMessage, composeMessage, type Message } from '../../../src/message/message.ts';
import { parseCertificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { auditOf, authorityWorld, enrollmentOf, newSigner, newToken } from '../../support/mesh/authority-world.ts';

async function newNode(authority: Authority, mesh: MeshName, wall: UnixMs) {
  const signer = newSigner();
  const { nodeId, certificate } = await authority.enroll(await enrollmentOf(await newToken(authority), signer));
  const voucherHash = parseCertificate(certificate.der).fingerprint;
  const say = async (text: string, counter = 0, by: Signer = signer, more: object = {}): Promise<Message> => {
    const composed = composeMessage(mesh, {
      algorithm: 'ES256',
      type: parseMessageType('sensor/door'),
      contentType: 'text/plain',
      origin: nodeId,
      incarnation: 1,
      counter,
      issuedAt: wall,
      expiresAt: after(wall, MINUTE_MS),
      voucherHash,
      payload: utf8(text),
      ...more,
    });
    return assembleMessage(composed, await by.sign(composed.toBeSigned));
  };
  return { nodeId, say };
}

test('a clone is written down once, however many nodes report it (T24)', async () => {
  const { authority, store, clock, mesh } = await authorityWorld();
  const { nodeId, say } = await newNode(authority, mesh, clock.wall());
  const [open, closed] = [await say('open'), await say('closed')];
  await authority.reportClone('witness-1', open.bytes, closed.bytes);
  await authority.reportClone('witness-2', closed.bytes, open.bytes);
  const alarms = (await auditOf(store)).filter(({ action }) => action === 'clone-alarm');
  assert.deepEqual(
    alarms.map(({ subject, actor }) => [subject, actor]),
    [[nodeId, 'node witness-1']],
  );
});

test('of one that says two things again and again so many alarms are written down, and others beside (T3)', async () => {
  const { authority, store, clock, mesh } = await authorityWorld();
  const loud = await newNode(authority, mesh, clock.wall());
  const other = await newNode(authority, mesh, clock.wall());
  const report = async ({ say }: typeof loud, counter: number): Promise<void> =>
    authority.reportClone('witness', (await say('open', counter)).bytes, (await say('closed', counter)).bytes);
  for (let counter = 0; counter < 2 * CLONE_ALARM_RATE.burstTokens; counter++) await report(loud, counter);
  await report(other, 0);
  const subjects = (await auditOf(store))
    .filter(({ action }) => action === 'clone-alarm')
    .map(({ subject }) => subject);
  assert.equal(subjects.filter((subject) => subject === loud.nodeId).length, CLONE_ALARM_RATE.burstTokens);
  assert.equal(subjects.at(-1), other.nodeId);
});

test('so many conflicts are remembered; one that is forgotten is written down once more', async () => {
  const { authority, store, clock, mesh, issuer } = await authorityWorld();
  const { say } = await newNode(authority, mesh, clock.wall());
  const [open, closed] = [await say('open'), await say('closed')];
  const known = noConflicts();
  const report = async (): Promise<number> => {
    await reportClone(
      { store: new WatchedStore(store), clock, issuer } as Partial<AuthorityCore> as AuthorityCore,
      known,
      'witness',
      open.bytes,
      closed.bytes,
    );
    return (await auditOf(store)).filter(({ action }) => action === 'clone-alarm').length;
  };
  assert.equal(await report(), 1);
  for (let n = 1; n < CLONE_ALARMS_MAX; n++) known.ids.set(`other ${n}`, true);
  assert.equal(await report(), 1);
  known.ids.set('one more', true);
  assert.equal(await report(), 2);
});

test('a node’s own word is taken for a record of it that another process signed, and nobody else’s (T24)', async () => {
  const { authority, store, clock, mesh } = await authorityWorld();
  const { nodeId, say } = await newNode(authority, mesh, clock.wall());
  const recordOf = (incarnation: number, by?: Signer): Promise<Message> =>
    say('', 0, by, {
      type: parseMessageType('record'),
      incarnation,
      payload: encodeNodeRecord({ name: '', version: '1', addresses: [], streams: [] }),
    });
  const [own, other] = [await recordOf(1), await recordOf(2)];
  const report = (by: string, refused: Message): Promise<void> => authority.reportClone(by, own.bytes, refused.bytes);
  await assert.rejects(report('somebody', other), { code: 'ERR_INPUT' });
  await assert.rejects(report(nodeId, await recordOf(2, newSigner())), { code: 'ERR_INPUT' });
  await assert.rejects(report(nodeId, await say('no record', 0, undefined, { incarnation: 2 })), { code: 'ERR_INPUT' });
  await report(nodeId, other);
  const alarms = (await auditOf(store)).filter(({ action }) => action === 'clone-alarm');
  assert.deepEqual(
    alarms.map(({ subject, actor }) => [subject, actor]),
    [[nodeId, `node ${nodeId}`]],
  );
});

test('nobody can accuse another: what is no conflict, or not signed by its origin, is refused (T24)', async () => {
  const { authority, store, clock, mesh } = await authorityWorld();
  const { say } = await newNode(authority, mesh, clock.wall());
  const honest = await say('open');
  const refusals: readonly [string, Message][] = [
    ['the same message twice', honest],
    ['another counter', await say('open', 1)],
    ['signed with another key', await say('closed', 0, newSigner())],
  ];
  for (const [name, other] of refusals)
    await assert.rejects(authority.reportClone('liar', honest.bytes, other.bytes), { code: 'ERR_INPUT' }, name);
  await assert.rejects(authority.reportClone('liar', honest.bytes, utf8('no message')), {
    code: 'ERR_MESSAGE_MALFORMED',
  });
  assert.ok((await auditOf(store)).every(({ action }) => action !== 'clone-alarm'));
});
