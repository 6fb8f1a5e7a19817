import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Authority } from '../../../src/authority/authority.ts';
import { ACCESS_KEYS_MAX } from '../../../src/authority/access/access-keys.ts';
import { SPENT_KEPT_MS, SPENT_REQUESTS_MAX } from '../../../src/authority/access/signed-administrator.ts';
import { utf8 } from '../../../src/base/bytes.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import type { HttpRequest } from '../../../src/message/request/http-request.ts';
import { REQUEST_SERVICE, REQUEST_SKEW_MS } from '../../../src/message/request/mesh-request.ts';
import { signRequest } from '../../../src/message/request/sign-request.ts';
import { readSignedRequest } from '../../../src/message/request/signed-request.ts';
import { auditOf, authorityWorld, csrPem, newSigner } from '../../support/mesh/authority-world.ts';

const HOSTS = ['ca.test', '::1'];
const ID = 'CMAKAAAAAAAAAAAAAAAA';
const signer = newSigner();

async function addKey(authority: Authority, accessKeyId = ID, spki = signer.spki): Promise<void> {
  await authority.addAccessKey({ accessKeyId, name: 'alice', role: undefined, spki }, 'test');
}

/** A call as this key signs it. */
async function call(
  at: UnixMs,
  options: { host?: string; nonce?: string; queryLifeSec?: number; target?: string } = {},
) {
  const plain: HttpRequest = {
    method: 'POST',
    target: options.target ?? '/v1/tickets',
    headers: [
      { name: 'Host', value: options.host ?? 'ca.test:8440' },
      ...(options.nonce === undefined ? [] : [{ name: 'x-chainmail-nonce', value: options.nonce }]),
    ],
    body: utf8('{}'),
  };
  const { request } = await signRequest(plain, {
    signer: { algorithm: 'sigv4a', accessKeyId: ID, signer },
    region: 'depot',
    service: REQUEST_SERVICE,
    at,
    normalizePath: true,
    queryLifeSec: options.queryLifeSec,
  });
  return request;
}

async function make(authority: Authority, request: HttpRequest, isChange = true): Promise<void> {
  const admitted = await authority.admitSignedRequest(readSignedRequest(request), HOSTS);
  await authority.confirmSignedRequest(admitted, request.body, isChange);
}

describe('signed requests of administrators', () => {
  it('change state once, however they are signed, and read as often as they like', async () => {
    const { authority, clock } = await authorityWorld();
    await addKey(authority);
    const [first, twin] = [await call(clock.wall()), await call(clock.wall())];
    assert.notDeepEqual(first.headers, twin.headers, 'ECDSA is randomised');
    await make(authority, first, false);
    await make(authority, first);
    await make(authority, first, false);
    for (const replay of [first, twin]) await assert.rejects(make(authority, replay), { code: 'ERR_REQUEST_REPLAYED' });
    const both = await Promise.allSettled(
      [1, 2].map(async () => make(authority, await call(clock.wall(), { nonce: 'x' }))),
    );
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  });

  it('are never forgotten while they could be taken, even where the clock is set back', async () => {
    const { authority, clock, store } = await authorityWorld();
    await addKey(authority);
    const [first, later] = [await call(clock.wall()), await call((clock.wall() + REQUEST_SKEW_MS) as UnixMs)];
    await make(authority, first);
    await make(authority, later);
    clock.pass(2 * REQUEST_SKEW_MS);
    await make(authority, await call(clock.wall()));
    await assert.rejects(make(authority, later), { code: 'ERR_REQUEST_REPLAYED' });
    await assert.rejects(make(authority, first), { code: 'ERR_REQUEST_SKEW' });
    clock.jump(-REQUEST_SKEW_MS - SPENT_KEPT_MS / 2);
    clock.jump(SPENT_KEPT_MS / 2);
    await assert.rejects(make(authority, first), { code: 'ERR_REQUEST_REPLAYED' });

    clock.pass(2 * REQUEST_SKEW_MS + SPENT_KEPT_MS + 1);
    await make(authority, await call(clock.wall(), { nonce: 'y' }));
    assert.ok(
      (await store.transact((tx) => tx.countSpentRequests(ID))) < 4,
      'what nobody can use any more is forgotten',
    );
  });

  it('live no longer in a query than in a header', async () => {
    const { authority, clock } = await authorityWorld();
    await addKey(authority);
    const request = await call(clock.wall(), { queryLifeSec: 604_800 });
    clock.pass(REQUEST_SKEW_MS - 1);
    await make(authority, request);
    clock.pass(1);
    await assert.rejects(make(authority, request), { code: 'ERR_REQUEST_EXPIRED' });
  });

  it('are bound to the host, whatever its port', async () => {
    const { authority, clock } = await authorityWorld();
    await addKey(authority);
    for (const host of ['ca.test', 'CA.test:1', '[::1]:8440', '[::1]'])
      await make(authority, await call(clock.wall(), { host }), false);
    for (const host of ['other.test', 'ca.test.evil', 'ca.test:x', '[ca.test', ':8440', '::1'])
      await assert.rejects(
        make(authority, await call(clock.wall(), { host }), false),
        { code: 'ERR_REQUEST_HOST' },
        host,
      );
  });

  it('say a plus in the query as %2B, which nobody reads as a blank', async () => {
    const { authority, clock } = await authorityWorld();
    await addKey(authority);
    const request = await call(clock.wall(), { target: '/v1/audit?a=%2B' });
    await make(authority, request, false);
    const changed = { ...request, target: '/v1/audit?a=+' };
    await assert.rejects(make(authority, changed, false), { code: 'ERR_REQUEST_MALFORMED' });
  });

  it('end with their key, also for who was already let in', async () => {
    const { authority, clock } = await authorityWorld();
    await addKey(authority);
    const request = await call(clock.wall());
    const admitted = await authority.admitSignedRequest(readSignedRequest(request), HOSTS);
    await authority.removeAccessKey(ID, 'test');
    await authority.removeAccessKey(ID, 'test');
    await assert.rejects(authority.confirmSignedRequest(admitted, request.body, true), {
      code: 'ERR_REQUEST_SIGNATURE',
    });
    await assert.rejects(make(authority, request), { code: 'ERR_REQUEST_SIGNATURE' });
    await assert.rejects(authority.removeAccessKey('NOBODY', 'test'), { code: 'ERR_NOT_FOUND' });
    await assert.rejects(addKey(authority), { code: 'ERR_ACCESS_KEY_EXISTS' }, 'an id is used once');
  });

  it('are limited: so many of one key, and the others go on', async () => {
    const { authority, clock, store } = await authorityWorld();
    await addKey(authority);
    const expiresAt = (clock.wall() + REQUEST_SKEW_MS) as UnixMs;
    await store.transact(async (tx) => {
      for (let i = 0; i < SPENT_REQUESTS_MAX; i++)
        await tx.putSpentRequest({ accessKeyId: ID, textHash: String(i), expiresAt });
    });
    await assert.rejects(make(authority, await call(clock.wall())), { code: 'ERR_RATE_LIMITED' });
    await make(authority, await call(clock.wall()), false);
    clock.pass(REQUEST_SKEW_MS + SPENT_KEPT_MS + 1);
    await make(authority, await call(clock.wall()));
  });

  it('are refused in the audit log by their reason', async () => {
    const { authority, store } = await authorityWorld();
    await authority.noteRefusedRequest(ID, 'ERR_REQUEST_REPLAYED', '192.0.2.1');
    const last = (await auditOf(store)).at(-1);
    assert.deepEqual(
      [last?.action, last?.subject, last?.actor, last?.detail],
      ['request-refused', ID, '192.0.2.1', [['reason', 'ERR_REQUEST_REPLAYED']]],
    );
  });
});

describe('access keys', () => {
  it('have an id of capitals and digits, a key of P-256 and a role of administrators', async () => {
    const { authority } = await authorityWorld();
    const wish = { accessKeyId: ID, name: 'alice', role: 'auditor', spki: signer.spki };
    for (const [changed, code] of [
      [{ accessKeyId: 'short' }, 'ERR_INPUT'],
      [{ accessKeyId: ID.toLowerCase() }, 'ERR_INPUT'],
      [{ accessKeyId: 'A'.repeat(65) }, 'ERR_INPUT'],
      [{ name: 'Alice' }, 'ERR_INPUT'],
      [{ role: 'operator' }, 'ERR_INPUT'],
      [{ spki: newSigner('Ed25519').spki }, 'ERR_KEY'],
      [{ spki: signer.spki.subarray(1) }, 'ERR_KEY'],
      [{ spki: signer.spki.with(-1, (signer.spki.at(-1) as number) ^ 1) }, 'ERR_KEY'],
    ] as const)
      await assert.rejects(authority.addAccessKey({ ...wish, ...changed }, 'test'), { code });
    assert.equal((await authority.addAccessKey(wish, 'test')).role, 'auditor');
  });

  it('are limited in number; those that were removed do not count', async () => {
    const { authority } = await authorityWorld();
    const idOf = (i: number): string => `CMAK${String(i).padStart(16, '0')}`;
    for (let i = 0; i < ACCESS_KEYS_MAX; i++) await addKey(authority, idOf(i));
    await assert.rejects(addKey(authority, idOf(ACCESS_KEYS_MAX)), { code: 'ERR_ACCESS_KEYS_FULL' });
    await authority.removeAccessKey(idOf(0), 'test');
    await addKey(authority, idOf(ACCESS_KEYS_MAX));
  });
});

describe('removing an administrator', () => {
  it('ends all keys and certificates of that name, and says so in the revocation list', async () => {
    const { authority, store, clock } = await authorityWorld();
    await addKey(authority);
    const certificate = await authority.issueAdministrator('alice', await csrPem(newSigner()), 'test');
    const other = await authority.issueAdministrator('bob', await csrPem(newSigner()), 'test');
    const chain = [certificate.der];
    assert.equal(authority.judgeAdministrator(chain).tag, 'ok');
    assert.deepEqual(await authority.removeAdministrator('alice', 'test'), {
      accessKeyIds: [ID],
      serials: [certificate.serial],
    });
    assert.equal(authority.judgeAdministrator(chain).tag, 'refused');
    assert.equal(authority.judgeAdministrator([other.der]).tag, 'ok');
    await assert.rejects(make(authority, await call(clock.wall())), { code: 'ERR_REQUEST_SIGNATURE' });
    const entries = (await auditOf(store)).length;
    assert.deepEqual(await authority.removeAdministrator('alice', 'test'), { accessKeyIds: [], serials: [] });
    assert.equal((await auditOf(store)).length, entries);
    await assert.rejects(authority.removeAdministrator('carol', 'test'), { code: 'ERR_NOT_FOUND' });
  });
});
