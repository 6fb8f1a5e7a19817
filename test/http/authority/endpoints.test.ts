import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { z } from 'zod';
import {
  type adminResponseSchema,
  type NodesResponse,
  PUBLIC_KEY_CHARS_MAX,
  type ticketCreatedSchema,
  type ticketsResponseSchema,
} from '../../../src/api/authority.ts';
import { type EnrollResponse } from '../../../src/api/enrollment.ts';
import { type Problem, problemSchema } from '../../../src/api/problem.ts';
import { ticketSchema } from '../../../src/api/ticket.ts';
import { BODY_BYTES_MAX } from '../../../src/http/server.ts';
import { REFUSALS_PER_CLIENT } from '../../../src/http/authority/enrollment/refusal-budget.ts';
import { encodePem, parsePem } from '../../../src/codec/pem.ts';
import { authorityWorld, csrPem, enrollmentOf, newSigner, newToken } from '../../support/mesh/authority-world.ts';
import { authorityApp, LOCAL, NOBODY } from './support.ts';

type TicketsResponse = z.infer<typeof ticketsResponseSchema>;

interface OpenapiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, object>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** The code in a problem body. */
function codeOf(answer: { json<T>(): T }): string {
  return answer.json<Problem>().code;
}

const PROBLEM = 'application/problem+json';

describe('POST /v1/enroll', () => {
  it('answers as the contract says', async () => {
    const { app, authority, issuer } = await authorityApp();
    const peer = (await authority.enroll(await enrollmentOf(await newToken(authority)))).nodeId;
    await authority.checkIn({ nodeId: peer, address: '192.0.2.9:1', crlNumber: 0, version: '1' });
    const payload = { token: await newToken(authority), csr: await csrPem(newSigner()) };
    const answer = await app.inject({ method: 'POST', url: '/v1/enroll', payload });
    assert.equal(answer.statusCode, 200);
    const body = answer.json<EnrollResponse>();
    assert.deepEqual(Object.keys(body).sort(), ['ca_cert', 'certificate', 'config', 'node_id']);
    assert.deepEqual(body.config, {
      mesh: 'depot',
      node_id: body.node_id,
      bootstrap_peers: [{ node_id: peer, address: '192.0.2.9:1' }],
      gossip_fanout: 3,
      crl_url: 'https://ca.test:8440/v1/crl',
    });
    assert.equal(parsePem(body.certificate, 'CERTIFICATE').length, 2);
    assert.equal(body.ca_cert, issuer.caPem);
    const again = await app.inject({ method: 'POST', url: '/v1/enroll', payload });
    assert.equal(again.json<EnrollResponse>().certificate, body.certificate);
  });

  it('answers every refused ticket with the same bytes (T7)', async () => {
    const { app, authority, clock } = await authorityApp();
    const other = await authorityWorld({ mesh: 'other' });
    const csr = await csrPem(newSigner());
    const spent = await newToken(authority);
    await authority.enroll(await enrollmentOf(spent));
    const expired = await newToken(authority);
    clock.pass(3_600_000);
    const answers = new Set<string>();
    for (const token of [
      '',
      'nonsense',
      'x'.repeat(48),
      'x'.repeat(257),
      'x'.repeat(30_000),
      spent,
      expired,
      await newToken(other.authority),
    ]) {
      const answer = await app.inject({ method: 'POST', url: '/v1/enroll', payload: { token, csr } });
      assert.equal(answer.statusCode, 400);
      answers.add(answer.body);
    }
    assert.equal(answers.size, 1);
    assert.equal(problemSchema.parse(JSON.parse([...answers][0] ?? '')).code, 'ERR_TICKET_REFUSED');
  });

  it('tells codes and statuses apart', async () => {
    const { app, authority } = await authorityApp();
    const token = await newToken(authority);
    const csr = await csrPem(newSigner());
    const CASES: readonly [object, number, string][] = [
      [{}, 400, 'ERR_INPUT'],
      [{ token }, 400, 'ERR_INPUT'],
      [{ token: 5, csr }, 400, 'ERR_INPUT'],
      [{ token, csr: 'AAAA' }, 400, 'ERR_CSR_MALFORMED'],
      [{ token, csr: '' }, 400, 'ERR_CSR_MALFORMED'],
      [{ token, csr: 'not a request' }, 400, 'ERR_CSR_MALFORMED'],
      [{ token, csr: 'A'.repeat(24_577) }, 400, 'ERR_CSR_MALFORMED'],
      [{ token: '', csr: '' }, 400, 'ERR_TICKET_REFUSED'],
      [{ token, csr, node_id: 'boss' }, 403, 'ERR_ENROLL_NODE_ID'],
      [{ token, csr, attestation: { type: 'safetynet', payload: 'AAAA' } }, 403, 'ERR_ATTESTATION'],
    ];
    for (const [payload, status, code] of CASES) {
      const answer = await app.inject({ method: 'POST', url: '/v1/enroll', payload });
      assert.deepEqual([answer.statusCode, codeOf(answer)], [status, code]);
      assert.equal(answer.headers['content-type'], PROBLEM);
      assert.deepEqual(Object.keys(answer.json<object>()).slice(0, 5), ['type', 'title', 'status', 'detail', 'code']);
    }
  });
});

describe('bodies', () => {
  it('over 64 KiB are refused before a byte of them is parsed (T16)', async () => {
    const { app } = await authorityApp();
    const payload = `{"token":"${'x'.repeat(BODY_BYTES_MAX)}`; // not even JSON
    const headers = { 'content-type': 'application/json' };
    const answer = await app.inject({ method: 'POST', url: '/v1/enroll', payload, headers });
    assert.deepEqual([answer.statusCode, codeOf(answer)], [413, 'ERR_BODY_TOO_LARGE']);
  });

  it('that are no JSON, or of another type, are refused', async () => {
    const { app } = await authorityApp();
    const send = (payload: string, type: string) =>
      app.inject({ method: 'POST', url: '/v1/enroll', payload, headers: { 'content-type': type } });
    assert.equal(codeOf(await send('{', 'application/json')), 'ERR_INPUT');
    assert.equal(codeOf(await send('', 'application/json')), 'ERR_INPUT');
    assert.equal(codeOf(await send('[]', 'application/json')), 'ERR_INPUT');
    assert.equal(codeOf(await send('{"__proto__":{"a":1}}', 'application/json')), 'ERR_INPUT');
    assert.equal(codeOf(await send('{"token":"a","token":"b","csr":""}', 'application/json')), 'ERR_INPUT');
    assert.deepEqual((await send('a=b', 'application/x-www-form-urlencoded')).statusCode, 415);
    assert.deepEqual(codeOf(await send('{}', 'text/plain')), 'ERR_MEDIA_TYPE');
  });

  it('of strangers are not parsed where a certificate is needed', async () => {
    const { app } = await authorityApp();
    const answer = await app.inject({
      method: 'POST',
      url: '/v1/revoke',
      payload: '{',
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(answer.statusCode, 401);
  });
});

describe('GET /v1/crl', () => {
  it('is DER or PEM by Accept, with number, ETag and Cache-Control (S1.98)', async () => {
    const { app, authority } = await authorityApp();
    const der = await app.inject('/v1/crl');
    assert.equal(der.headers['content-type'], 'application/pkix-crl');
    assert.deepEqual(new Uint8Array(der.rawPayload), authority.crl.der);
    assert.equal(der.headers['chainmail-crl-number'], String(authority.crl.number));
    assert.match(String(der.headers['cache-control']), /max-age=\d+/);
    const pem = await app.inject({ url: '/v1/crl', headers: { accept: 'application/x-pem-file' } });
    assert.match(pem.body, /^-----BEGIN X509 CRL-----\n/);
    assert.notEqual(pem.headers.etag, der.headers.etag);
  });

  it('answers 304 to whoever has it, until it changes', async () => {
    const { app, authority } = await authorityApp();
    const { etag } = (await app.inject('/v1/crl')).headers;
    const ask = (tag: string) => app.inject({ url: '/v1/crl', headers: { 'if-none-match': tag } });
    for (const tag of [String(etag), `W/${etag}`, `"other", ${etag}`, '*'])
      assert.equal((await ask(tag)).statusCode, 304);
    assert.equal((await ask(String(etag))).body, '');
    assert.equal((await ask('"other"')).statusCode, 200);
    await authority.tendCrl('now');
    assert.equal((await ask(String(etag))).statusCode, 200);
  });
});

describe('POST /v1/revoke', () => {
  it('is for administrators: nobody 401, a node 403, one of another mesh 403, one who was revoked 403 (S1.100)', async () => {
    const { app, as, authority, administrator, issuer } = await authorityApp();
    const other = await authorityApp({ mesh: 'other' });
    const node = await authority.enroll(await enrollmentOf(await newToken(authority)));
    const payload = { node_id: node.nodeId };
    const ask = async () => {
      const answer = await app.inject({ method: 'POST', url: '/v1/revoke', payload });
      return [answer.statusCode, answer.body === '' ? undefined : codeOf(answer)];
    };
    as(NOBODY);
    assert.deepEqual(await ask(), [401, 'ERR_CREDENTIAL_REQUIRED']);
    as({ tag: 'certificate', chain: [node.certificate.der, issuer.certificate.der] });
    assert.deepEqual(await ask(), [403, 'ERR_FORBIDDEN']);
    as(other.administrator);
    assert.deepEqual(await ask(), [403, 'ERR_PATH_PROFILE']);
    as({ tag: 'certificate', chain: [Uint8Array.of(1, 2, 3)] });
    assert.deepEqual(await ask(), [403, 'ERR_PATH_PROFILE']);
    as(administrator);
    assert.deepEqual(await ask(), [204, undefined]);
    const bob = await authority.issueAdministrator('bob', await csrPem(newSigner()), 'test');
    as({ tag: 'certificate', chain: [bob.der] });
    assert.deepEqual(await ask(), [204, undefined]);
    await authority.revoke({ tag: 'serial', serial: bob.serial }, 'unspecified', 'test');
    assert.deepEqual(await ask(), [403, 'ERR_PATH_REVOKED']);
  });

  it('does not act for a page of another site that a browser shows the certificate to', async () => {
    const { app, as, administrator } = await authorityApp();
    const post = async (headers: Record<string, string>) => {
      const answer = await app.inject({
        method: 'POST',
        url: '/v1/recovery/epoch',
        headers: { host: 'ca.test', ...headers },
      });
      return answer.statusCode;
    };
    as(administrator);
    assert.equal(await post({ origin: 'https://evil.test' }), 403);
    assert.equal(await post({ origin: 'null' }), 403);
    assert.equal(await post({ 'sec-fetch-site': 'cross-site' }), 403);
    assert.equal(await post({ origin: 'https://ca.test', 'sec-fetch-site': 'same-origin' }), 200);
    assert.equal(await post({}), 200);
  });

  it('takes serial or node_id, says the number of the list, and is 204 again', async () => {
    const { app, as, authority, administrator } = await authorityApp();
    as(administrator);
    const { certificate, nodeId } = await authority.enroll(await enrollmentOf(await newToken(authority)));
    const post = (payload: object, headers = {}) => app.inject({ method: 'POST', url: '/v1/revoke', payload, headers });
    const first = await post({ serial: `00:${certificate.serial.toUpperCase()}`, reason: 'keyCompromise' });
    assert.deepEqual([first.statusCode, first.body], [204, '']);
    assert.equal(first.headers['chainmail-crl-number'], String(authority.crl.number));
    const again = await post({ node_id: nodeId });
    assert.deepEqual(
      [again.statusCode, again.headers['chainmail-crl-number']],
      [204, first.headers['chainmail-crl-number']],
    );
    const told = await post({ node_id: nodeId }, { accept: 'application/json' });
    assert.deepEqual(told.json(), { node_id: nodeId, serials: [certificate.serial], crl_number: authority.crl.number });
    assert.equal((await post({ node_id: 'nobody' })).statusCode, 404);
    assert.equal(codeOf(await post({ serial: 'ff' })), 'ERR_REVOKE_UNKNOWN');
    assert.equal((await post({})).statusCode, 400);
    assert.equal((await post({ serial: 'ff', node_id: nodeId })).statusCode, 400);
    assert.equal(codeOf(await post({ serial: 'not hex' })), 'ERR_INPUT');
  });
});

describe('tickets, nodes and administrators over HTTP', () => {
  it('a ticket is created, listed without its secret, redeemed, cancelled', async () => {
    const { app, as, issuer } = await authorityApp();
    as(LOCAL);
    const created = await app.inject({
      method: 'POST',
      url: '/v1/tickets',
      payload: { node_id: 'gate-1', roles: ['operator'], ttl_sec: 60 },
    });
    assert.equal(created.statusCode, 201);
    const { id, ticket } = created.json<z.infer<typeof ticketCreatedSchema>>();
    assert.deepEqual(ticketSchema.parse(ticket), ticket);
    assert.equal(ticket.trust_anchor, issuer.rootPem);
    const enrolled = await app.inject({
      method: 'POST',
      url: '/v1/enroll',
      payload: { token: ticket.token, csr: await csrPem(newSigner()) },
    });
    assert.equal(enrolled.json<EnrollResponse>().node_id, 'gate-1');
    const list = await app.inject('/v1/tickets');
    assert.equal(list.body.includes(ticket.token), false);
    assert.deepEqual(
      list.json<TicketsResponse>().tickets.map((row) => [row.id, row.status, row.uses_spent]),
      [[id, 'spent', 1]],
    );
    assert.equal((await app.inject({ method: 'DELETE', url: `/v1/tickets/${id}` })).statusCode, 204);
    assert.equal((await app.inject({ method: 'DELETE', url: `/v1/tickets/${id}` })).statusCode, 204);
    assert.equal((await app.inject({ method: 'DELETE', url: '/v1/tickets/0000000000000000' })).statusCode, 404);
    const bad = await app.inject({ method: 'POST', url: '/v1/tickets', payload: { node_id: 'gate-1', uses: 2 } });
    assert.equal(bad.statusCode, 400);
  });

  it('nodes are listed in the words of the contract', async () => {
    const { app, as, authority, administrator } = await authorityApp();
    as(administrator);
    const { nodeId, certificate } = await authority.enroll(await enrollmentOf(await newToken(authority)));
    assert.deepEqual((await app.inject('/v1/nodes')).json(), {
      nodes: [
        { node_id: nodeId, status: 'active', serial: certificate.serial, not_after: '2026-01-02T00:00:00Z', roles: [] },
      ],
    });
    await authority.checkIn({ nodeId, address: 'h:1', crlNumber: 5, version: '1' });
    const [node] = (await app.inject('/v1/nodes')).json<NodesResponse>().nodes;
    assert.deepEqual([node?.last_seen, node?.address, node?.crl_number], ['2026-01-01T00:00:00Z', 'h:1', 5]);
  });

  it('an access key is added by its public half, and removed', async () => {
    const { app, as, administrator } = await authorityApp();
    as(administrator);
    const public_key = encodePem('PUBLIC KEY', newSigner().spki);
    const payload = { name: 'bob', access_key_id: 'CMAKAAAAAAAAAAAAAAAA', public_key };
    const add = (changed: object) =>
      app.inject({ method: 'POST', url: '/v1/access-keys', payload: { ...payload, ...changed } });
    for (const [changed, status, code] of [
      [{ public_key: `${public_key}${' '.repeat(PUBLIC_KEY_CHARS_MAX)}` }, 400, 'ERR_INPUT'],
      [{ public_key: 'x' }, 400, 'ERR_PEM'],
      [{ public_key: encodePem('PUBLIC KEY', newSigner('Ed25519').spki) }, 400, 'ERR_KEY'],
      [{ access_key_id: 'CMAK-' }, 400, 'ERR_INPUT'],
      [{ name: 'B/b' }, 400, 'ERR_INPUT'],
      [{ role: 'operator' }, 400, 'ERR_INPUT'],
    ] as const) {
      const answer = await add(changed);
      assert.deepEqual([answer.statusCode, codeOf(answer)], [status, code], JSON.stringify(changed).slice(0, 80));
    }
    const added = await add({});
    const { name, access_key_id } = payload;
    const told = { access_key_id, name, role: 'administrator', service: 'chainmail', region: 'depot' };
    assert.deepEqual([added.statusCode, added.json()], [201, told]);
    assert.deepEqual(codeOf(await add({})), 'ERR_ACCESS_KEY_EXISTS');
    const remove = async (url: string) => (await app.inject({ method: 'DELETE', url })).statusCode;
    assert.equal(await remove(`/v1/access-keys/${access_key_id}`), 204);
    assert.equal(await remove(`/v1/access-keys/${access_key_id}`), 204);
    assert.equal(await remove('/v1/access-keys/CMAKBBBBBBBBBBBBBBBB'), 404);
    assert.equal(await remove('/v1/administrators/nobody'), 404);
  });

  it('another administrator is made from a CSR, and judged as one', async () => {
    const { app, as, authority, administrator, issuer } = await authorityApp();
    as(administrator);
    const payload = { name: 'bob', csr: await csrPem(newSigner()) };
    const answer = await app.inject({ method: 'POST', url: '/v1/administrators', payload });
    assert.equal(answer.statusCode, 201);
    const chain = parsePem(answer.json<z.infer<typeof adminResponseSchema>>().certificate, 'CERTIFICATE');
    const judged = authority.judgeAdministrator(chain);
    assert.equal(judged.tag === 'ok' && judged.name, 'bob');
    assert.equal(chain.length, 2);
    assert.deepEqual(chain[1], issuer.certificate.der);
    assert.equal(
      (await app.inject({ method: 'POST', url: '/v1/administrators', payload: { ...payload, name: 'B/b' } }))
        .statusCode,
      400,
    );
  });
});

describe('POST /v1/checkin', () => {
  it('is for nodes that are not revoked', async () => {
    const { app, as, authority, administrator, issuer } = await authorityApp();
    const { nodeId, certificate } = await authority.enroll(await enrollmentOf(await newToken(authority)));
    const ask = (payload: object = { address: 'h:1', crl_number: 0, version: '1' }) =>
      app.inject({ method: 'POST', url: '/v1/checkin', payload });
    assert.equal((await ask()).statusCode, 401);
    as(LOCAL);
    assert.equal((await ask()).statusCode, 401);
    as(administrator);
    assert.equal((await ask()).statusCode, 403);
    as({ tag: 'certificate', chain: [certificate.der, issuer.certificate.der] });
    assert.deepEqual((await ask()).json(), { crl_number: authority.crl.number, bootstrap_peers: [] });
    assert.equal((await ask({ crl_number: -1, version: '1' })).statusCode, 400);
    await authority.revoke({ tag: 'node', nodeId }, 'unspecified', 'test');
    assert.deepEqual([(await ask()).statusCode, codeOf(await ask())], [403, 'ERR_PATH_REVOKED']);
  });
});

describe('the rest', () => {
  it('health, readiness and the OpenAPI document, which has every route and no other', async () => {
    const { app, openapi, routes } = await authorityApp();
    assert.deepEqual((await app.inject('/healthz')).json(), { status: 'ok', mesh: 'depot', version: '1.2.3' });
    assert.equal((await app.inject('/readyz')).statusCode, 200);
    const document = (await app.inject('/openapi.json')).json<OpenapiDocument>();
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(openapi.operations.toSorted(), routes.filter((route) => !route.startsWith('HEAD ')).toSorted());
    const references = JSON.stringify(document).matchAll(/"#\/components\/schemas\/([A-Za-z]+)"/g);
    for (const [, name] of references) assert.ok(document.components.schemas[String(name)], String(name));
  });

  it('unknown paths are 404, known ones with another method 405, and nothing tells what runs here', async () => {
    const { app } = await authorityApp();
    const lost = await app.inject('/v2/anything');
    assert.deepEqual([lost.statusCode, codeOf(lost)], [404, 'ERR_NOT_FOUND']);
    const put = await app.inject({ method: 'PUT', url: '/v1/crl' });
    assert.deepEqual([put.statusCode, codeOf(put), put.headers.allow], [405, 'ERR_METHOD', 'GET']);
    assert.equal(lost.headers['x-powered-by'], undefined);
    assert.equal(lost.headers.server, undefined);
  });

  it('an error that nobody expected says nothing but that there was one', async () => {
    const seen: unknown[] = [];
    const { app, authority } = await authorityApp({ onUnexpected: (error) => seen.push(error) });
    Object.defineProperty(authority, 'enroll', { value: () => Promise.reject(new Error('secret path /var/x')) });
    const answer = await app.inject({ method: 'POST', url: '/v1/enroll', payload: { token: 'x', csr: 'x' } });
    assert.deepEqual([answer.statusCode, codeOf(answer)], [500, 'ERR_INTERNAL']);
    assert.equal(answer.body.includes('secret'), false);
    assert.equal(seen.length, 1);
  });

  it('who keeps showing refused tickets is slowed down, and comes back to a full budget in time (S1.91)', async () => {
    const { app, authority, clock } = await authorityApp();
    const enroll = (token: string, csr = 'x') =>
      app.inject({ method: 'POST', url: '/v1/enroll', payload: { token, csr } });
    const good = await newToken(authority);
    for (let i = 0; i < REFUSALS_PER_CLIENT.burstTokens; i++) assert.equal((await enroll('x')).statusCode, 400);
    const slowed = await enroll('x');
    assert.deepEqual([slowed.statusCode, codeOf(slowed)], [429, 'ERR_RATE_LIMITED']);
    assert.ok(Number(slowed.headers['retry-after']) > 0);
    clock.pass(1_000);
    const answer = await enroll(good, await csrPem(newSigner()));
    assert.deepEqual([answer.statusCode, answer.headers['retry-after']], [200, undefined]);
  });

  it('too many requests are told when to come back (S1.91, X.27)', async () => {
    const { app } = await authorityApp({ rate: { requestsMax: 5, windowMs: 60_000 }, enrollPerMinute: 2 });
    const enroll = () => app.inject({ method: 'POST', url: '/v1/enroll', payload: { token: 'x', csr: 'x' } });
    assert.equal((await enroll()).statusCode, 400);
    assert.equal((await enroll()).statusCode, 400);
    const third = await enroll();
    assert.deepEqual([third.statusCode, codeOf(third)], [429, 'ERR_RATE_LIMITED']);
    assert.ok(Number(third.headers['retry-after']) > 0 && Number(third.headers['retry-after']) <= 60);
    const statuses: number[] = [];
    for (let i = 0; i < 7; i++) statuses.push((await app.inject('/nowhere')).statusCode);
    assert.deepEqual(statuses, [404, 404, 404, 404, 404, 429, 429]);
  });
});

describe('queries', () => {
  it('are taken as they are documented, and nothing else is passed over', async () => {
    const { app, as } = await authorityApp();
    as(LOCAL);
    for (const [url, status] of [
      ['/v1/crl?since=1', 200],
      ['/v1/crl?since=x', 400],
      ['/v1/crl?sinse=1', 400],
      ['/v1/audit?after=0&limit=1', 200],
      ['/v1/audit?limit=', 400],
      ['/v1/audit?limit=1e2', 400],
      ['/v1/audit?limit=1&limit=2', 400],
      ['/v1/audit?from=1', 400],
    ] as const)
      assert.equal((await app.inject({ method: 'GET', url })).statusCode, status, url);
  });
});
