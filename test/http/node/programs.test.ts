import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { before, describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type {
  HeldMessageJson,
  IndicatorsResponse,
  MessagesResponse,
  NodeEventJson,
  RecordsResponse,
  StatusResponse,
  VoucherResponse,
} from '../../../src/api/node-programs.ts';
import { fromBase64, toBase64, toHex, utf8 } from '../../../src/base/bytes.ts';
import { HOUR_MS, MINUTE_MS, type UnixMs } from '../../../src/base/time.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { PAGE_CHARS_MAX, READ_IN_TURN_MAX } from '../../../src/http/node/programs/get-messages.ts';
import { PAYLOAD_BYTES_MAX } from '../../../src/message/limits.ts';
import { parseMessage } from '../../../src/message/message-reader.ts';
import type { HttpApp } from '../../../src/http/server.ts';
import { type Member, TestMesh } from '../../support/mesh/nodes-on-loopback.ts';
import { INDICATOR, programsOf, signed } from './support.ts';

/** Two readers would take it for two indicators. */
const TWICE = utf8('{"kind":"hash","value":"00ff","risk":1,"risk":99}');

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

async function start(t: TestContext, wish: { readonly member?: Member; readonly announce?: boolean } = {}) {
  const node = await mesh.start(t, wish);
  return { node, app: await programsOf(t, node) };
}

const SAYING = {
  method: 'POST',
  url: '/v1/messages',
  payload: { type: 'sensor/a', payload: toBase64(utf8('x')) },
} as const;

async function publish(app: HttpApp, type: string, payload: Uint8Array, more: object = {}) {
  const body = { type, payload: toBase64(payload), ...more };
  const answer = await app.inject({ method: 'POST', url: '/v1/messages', payload: body });
  const retryAfter = answer.headers['retry-after'];
  return { status: answer.statusCode, retryAfter, json: answer.json<{ message_id: string; code: string }>() };
}

async function list(app: HttpApp, query = ''): Promise<MessagesResponse> {
  return (await app.inject({ method: 'GET', url: `/v1/messages${query}` })).json<MessagesResponse>();
}

/** The events of a stream, one at a time. */
async function follow<T>(t: TestContext, app: HttpApp, path: string): Promise<() => Promise<T>> {
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as { port: number };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  t.after(() => reader.cancel());
  let text = '';
  return async () => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const event = text.slice(0, end);
        text = text.slice(end + 2);
        const data = event.split('\n').find((line) => line.startsWith('data: '));
        return JSON.parse((data as string).slice(6)) as T;
      }
      const { value, done } = await reader.read();
      if (done) throw new Error('the stream ended');
      text += decoder.decode(value, { stream: true });
    }
  };
}

describe('POST /v1/messages', () => {
  it('says it in the node’s name, durable before the answer, and lists it', async (t) => {
    const { node, app } = await start(t);
    const { status, json } = await publish(app, 'indicator', INDICATOR, { ttl_sec: 60 });
    assert.equal(status, 201);
    assert.match(json.message_id, new RegExp(`^${node.nodeId}\\.\\d+\\.0$`));
    const { messages, next } = await list(app);
    assert.equal(next, null);
    const [message] = messages;
    assert.ok(message !== undefined && messages.length === 1);
    assert.deepEqual(Object.keys(message).sort(), [
      'content_type',
      'expires_at',
      'message_id',
      'origin',
      'payload',
      'received_at',
      'timestamp',
      'type',
    ]);
    assert.equal(message.payload, toBase64(INDICATOR));
    assert.equal(Date.parse(message.expires_at) - Date.parse(message.timestamp), 60_000);
  });

  for (const [name, type, payload, more, status, code] of [
    ['a record', 'record', utf8('x'), {}, 403, 'ERR_MESSAGE_NOT_PERMITTED'],
    ['a command', 'command/reboot', utf8('x'), {}, 403, 'ERR_MESSAGE_NOT_PERMITTED'],
    ['S1.15: a raw log', 'indicator', utf8('Jan  1 00:00:00 sshd: failed'), {}, 400, 'ERR_MESSAGE_PAYLOAD'],
    ['too large an indicator', 'indicator', new Uint8Array(2_049), {}, 400, 'ERR_MESSAGE_PAYLOAD'],
    ['too large a reading', 'sensor/a', new Uint8Array(16_385), {}, 400, 'ERR_MESSAGE_PAYLOAD'],
    ['no life', 'sensor/a', utf8('x'), { ttl_sec: 0 }, 400, 'ERR_MESSAGE_LIFETIME'],
    ['eight days', 'sensor/a', utf8('x'), { ttl_sec: 691_200 }, 400, 'ERR_MESSAGE_LIFETIME'],
    ['a family that nobody granted', 'gossip', utf8('x'), {}, 403, 'ERR_MESSAGE_NOT_PERMITTED'],
    [
      'an indicator that is no JSON',
      'indicator',
      INDICATOR,
      { content_type: 'application/octet-stream' },
      400,
      'ERR_MESSAGE_PAYLOAD',
    ],
    ['an indicator with a member twice', 'indicator', TWICE, {}, 400, 'ERR_MESSAGE_PAYLOAD'],
    ['a life that is text', 'sensor/a', utf8('x'), { ttl_sec: '1h' }, 400, 'ERR_INPUT'],
  ] as const)
    it(`refuses ${name}, and its stream has no gap`, async (t) => {
      const { app } = await start(t);
      const refused = await publish(app, type, payload, more);
      assert.deepEqual([refused.status, refused.json.code], [status, code]);
      assert.match((await publish(app, 'sensor/a', utf8('x'))).json.message_id, /\.0$/);
    });

  it('says of a node whose own certificate has expired that this is so, and what to do', async (t) => {
    const issuedAt = (systemClock.wall() - HOUR_MS + 2_000) as UnixMs;
    const { app } = await start(t, { member: await mesh.member({ issuedAt, lifeMs: HOUR_MS }) });
    let answer = await app.inject(SAYING);
    while (answer.statusCode === 201) {
      await pause(50);
      answer = await app.inject(SAYING);
    }
    const { code, detail, hint } = answer.json<Record<'code' | 'detail' | 'hint', string>>();
    assert.deepEqual([answer.statusCode, code], [403, 'ERR_PATH_EXPIRED']);
    assert.match(detail, /its own certificate.*expired/);
    assert.match(hint, /node enroll/);
  });

  it('lets a node with the role issue commands', async (t) => {
    const { app } = await start(t, { member: await mesh.member({ roles: ['operator'] }) });
    assert.equal((await publish(app, 'command/reboot', utf8('now'))).status, 201);
  });

  it('T3: over its budget a program is told to wait, and what follows leaves no gaps', async (t) => {
    const { node, app } = await start(t);
    const answers = await Promise.all(Array.from({ length: 2_400 }, () => publish(app, 'sensor/a', utf8('x'))));
    const codes = new Set(answers.map(({ json }) => json.code));
    assert.ok(codes.has('ERR_MESSAGE_OVER_BUDGET') || codes.has('ERR_OVERLOADED'), [...codes].join());
    for (const { status, retryAfter } of answers) assert.equal(retryAfter !== undefined, status !== 201);
    const [stream] = node.host.node.holdings.messages.streams.values();
    assert.equal(stream?.ranges.count, 1);
  });
});

describe('GET /v1/messages', () => {
  it('pages, oldest first, by a cursor that goes on behind what was seen', async (t) => {
    const { node, app } = await start(t);
    for (let n = 0; n < 5; n++) await node.say(String(n));
    const seen: string[] = [];
    let after: string | null = '';
    while (after !== null) {
      const page: MessagesResponse = await list(app, `?limit=2${after === '' ? '' : `&after=${after}`}`);
      assert.ok(page.messages.length <= 2);
      seen.push(...page.messages.map(({ payload }) => atob(payload)));
      after = page.next;
    }
    assert.deepEqual(seen, ['0', '1', '2', '3', '4']);
  });

  it('ends a page when it is large enough, whatever number was asked for', async (t) => {
    const { node, app } = await start(t);
    const charsEach = 4 * Math.ceil(PAYLOAD_BYTES_MAX / 3);
    const onFirst = Math.ceil(PAGE_CHARS_MAX / charsEach);
    await Promise.all(Array.from({ length: onFirst + 2 }, () => node.say('x'.repeat(PAYLOAD_BYTES_MAX))));
    const first = await list(app, '?limit=1000');
    assert.equal(first.messages.length, onFirst);
    const second = await list(app, `?limit=1000&after=${first.next}`);
    assert.deepEqual([second.messages.length, second.next], [2, null]);
  });

  it('lists by type, a topic and all below it, and records only where they are asked for', async (t) => {
    const { node, app } = await start(t, { announce: true });
    await node.until((event) => event.tag === 'message' && event.held.type === 'record');
    for (const type of ['sensor/heat', 'sensor/heat/roof', 'sensor/wind']) await node.say('x', type);
    const types = async (query: string) => (await list(app, query)).messages.map(({ type }) => type);
    assert.deepEqual(await types(''), ['sensor/heat', 'sensor/heat/roof', 'sensor/wind']);
    assert.deepEqual(await types('?type=sensor/heat'), ['sensor/heat']);
    assert.deepEqual(await types('?type=sensor/heat/*'), ['sensor/heat/roof']);
    assert.deepEqual(await types('?type=sensor/*'), ['sensor/heat', 'sensor/heat/roof', 'sensor/wind']);
    assert.deepEqual(await types('?type=record'), ['record']);
    assert.deepEqual(await types('?type=indicator'), []);
  });

  it('lists what is addressed to others too, as the contract says, and leaves it out for=me', async (t) => {
    const { node, app } = await start(t);
    const other = await mesh.member();
    node.host.keepChain(other.chain);
    for (const [counter, audience] of [node.nodeId, other.nodeId, 'role:operator'].entries())
      await node.host.submit(await signed(mesh, other, { counter, audience }), other.nodeId);
    await publish(app, 'sensor/a', utf8('mine'), { audience: other.nodeId });
    const audiences = async (query = ''): Promise<unknown[]> =>
      (await list(app, query)).messages.map(({ origin, audience }) => [origin === node.nodeId, audience]);
    assert.deepEqual(await audiences(), [
      [false, node.nodeId],
      [false, other.nodeId],
      [false, 'role:operator'],
      [true, other.nodeId],
    ]);
    assert.deepEqual(await audiences('?for=all'), await audiences());
    assert.deepEqual(await audiences('?for=me'), [[false, node.nodeId]]);
    assert.equal((await app.inject('/v1/messages?for=others')).statusCode, 400);
  });

  it('says how far its certificate has come', async (t) => {
    const node = await mesh.start(t);
    for (const [state, leftMs] of [
      ['good', 40 * MINUTE_MS],
      ['ending', 10 * MINUTE_MS],
      ['ended', -1],
    ] as const) {
      const notAfter = (systemClock.wall() + leftMs) as UnixMs;
      const app = await programsOf(t, node, undefined, { notBefore: (notAfter - HOUR_MS) as UnixMs, notAfter });
      const status = (await app.inject('/v1/status')).json<StatusResponse>();
      assert.equal(status.certificate.state, state);
      assert.equal(status.certificate.revoked, false);
    }
  });

  it('does not call its certificate good once it has heard that it is revoked', async (t) => {
    const node = await mesh.start(t);
    let isRevoked = false;
    const app = await programsOf(t, node, undefined, {}, () => isRevoked);
    const told = async () => (await app.inject('/v1/status')).json<StatusResponse>().certificate;
    assert.partialDeepStrictEqual(await told(), { state: 'good', revoked: false });
    isRevoked = true;
    assert.partialDeepStrictEqual(await told(), { state: 'revoked', revoked: true });
  });

  it('lets an indicator for another node or role have no effect, whoever says it', async (t) => {
    const { node, app } = await start(t);
    const other = await mesh.member();
    node.host.keepChain(other.chain);
    const indicators = (): unknown => node.host.node.holdings.validIndicators(systemClock.wall());
    for (const [counter, audience] of [other.nodeId, 'role:operator'].entries())
      await node.host.submit(await signed(mesh, other, { counter, audience }), other.nodeId);
    await publish(app, 'indicator', INDICATOR, { audience: other.nodeId });
    assert.equal((await list(app)).messages.length, 3);
    assert.deepEqual(indicators(), []);
    const answer = await app.inject('/v1/indicators');
    assert.deepEqual(answer.json(), { indicators: [] });
    await node.host.submit(await signed(mesh, other, { counter: 2, audience: node.nodeId }), other.nodeId);
    assert.equal((indicators() as unknown[]).length, 1);
  });

  it('gives with signed=1 what the author signed, and what vouches for him', async (t) => {
    const { node, app } = await start(t);
    await app.inject(SAYING);
    assert.equal((await list(app)).messages[0]?.message, undefined, 'to those alone who ask');
    const [held] = (await list(app, '?signed=1&after=start')).messages;
    const message = parseMessage(mesh.mesh, fromBase64(held?.message ?? ''));
    assert.equal(message.id, held?.message_id);
    const get = (url: string) => app.inject({ method: 'GET', url });
    const voucher = (await get(`/v1/vouchers/${toHex(message.voucherHash)}`)).json<VoucherResponse>();
    assert.deepEqual(voucher, { certificates: node.member.chain.map(({ der }) => toBase64(der)) });
    const unknown = await get(`/v1/vouchers/${'0'.repeat(64)}`);
    assert.deepEqual([unknown.statusCode, unknown.json<{ code: string }>().code], [404, 'ERR_NOT_FOUND']);
  });

  it('gives the lists that it holds, each with the certificate of who signed it', async (t) => {
    const { node, app } = await start(t);
    const issuer = mesh.intermediate.keyHash;
    const get = () => app.inject({ method: 'GET', url: `/v1/crls/${issuer}` });
    assert.equal((await get()).statusCode, 404, 'it has none yet');
    const der = await mesh.revoke(await mesh.member());
    node.host.installCrl(der);
    assert.deepEqual((await get()).json(), { crl: toBase64(der), issuer: toBase64(mesh.intermediate.der) });
  });

  it('follows from now on, or from behind a cursor', async (t) => {
    const { node, app } = await start(t);
    await node.say('before');
    const next = await follow<HeldMessageJson>(t, app, '/v1/messages?follow=1');
    const id = await node.say('after');
    assert.equal((await next()).message_id, id);
    const again = await programsOf(t, node);
    const all = await follow<HeldMessageJson>(t, again, '/v1/messages?follow=1&after=0');
    assert.equal((await all()).message_id, id);
    const last = await node.say('last');
    assert.equal((await all()).message_id, last);
    assert.equal((await next()).message_id, last);
  });

  it('gives who follows from a cursor what is held in pieces, all of it once, and goes on with what comes', async (t) => {
    const { node, app } = await start(t);
    const ids: string[] = [];
    while (ids.length < 3 * READ_IN_TURN_MAX) ids.push(await node.say(`${ids.length}`));
    const { holdings } = node.host.node;
    const read = t.mock.method(holdings, 'read');
    let most = 0;
    let ticker = setImmediate(function tick() {
      most = Math.max(most, read.mock.callCount());
      read.mock.resetCalls();
      ticker = setImmediate(tick);
    });
    t.after(() => clearImmediate(ticker));
    const next = await follow<HeldMessageJson>(t, app, '/v1/messages?follow=1&after=start');
    for (const [i, id] of ids.entries()) {
      assert.equal((await next()).message_id, id);
      if (i % READ_IN_TURN_MAX === 0) ids.push(await node.say(`meanwhile ${i}`));
    }
    assert.ok(most <= READ_IN_TURN_MAX, `${most} messages were read in one turn`);
  });

  it('reads no more for who follows from a cursor and takes nothing', async (t) => {
    const { node, app } = await start(t);
    const held = 1_000;
    for (let i = 0; i < held; i++) await node.say(`${i} ${'x'.repeat(15_000)}`);
    const read = t.mock.method(node.host.node.holdings, 'read');
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as { port: number };
    const socket = connect(port, '127.0.0.1').pause();
    t.after(() => socket.destroy());
    socket.write('GET /v1/messages?follow=1&after=start HTTP/1.1\r\nhost: x\r\n\r\n');
    let before: number;
    do {
      before = read.mock.callCount();
      await new Promise((resolve) => setTimeout(resolve, 200));
    } while (before === 0 || read.mock.callCount() > before);
    assert.ok(before < held, `${before} of ${held} were read`);
    assert.equal(socket.destroyed, false);
  });

  for (const query of [
    '?limit=0',
    '?limit=1001',
    '?limit=x',
    '?limit=',
    '?limit=1e2',
    '?limit=1&limit=2',
    '?after=-1',
    '?after=x',
    '?follow=yes',
    '?typ=indicator',
    '?type=Indicator',
    '?type=sensor',
    '?type=*',
    '?type=indicator/*',
    '?type=',
  ])
    it(`refuses ${query}`, async (t) => {
      const { app } = await start(t);
      const answer = await app.inject({ method: 'GET', url: `/v1/messages${query}` });
      assert.deepEqual([answer.statusCode, answer.json<{ code: string }>().code], [400, 'ERR_INPUT']);
    });
});

describe('what programs can ask a node', () => {
  it('the indicators that are valid now', async (t) => {
    const { node, app } = await start(t);
    const soon = new Date(Date.now() + 5_000).toISOString();
    await node.say(`{"kind":"hash","value":"00ff","risk":90,"labels":["apt"],"valid_until":"${soon}"}`, 'indicator');
    await node.say('{"kind":"rule","value":"old","risk":1,"valid_until":"2026-01-01T00:00:00Z"}', 'indicator');
    const { indicators } = (await app.inject({ method: 'GET', url: '/v1/indicators' })).json<IndicatorsResponse>();
    assert.equal(indicators.length, 1);
    const [{ message_id: _, ...indicator } = { message_id: '' }] = indicators;
    assert.deepEqual(indicator, {
      kind: 'hash',
      value: '00ff',
      risk: 90,
      labels: ['apt'],
      origin: node.nodeId,
      valid_until: soon,
    });
  });

  it('who it is and whom it is linked with; and what others have said of themselves', async (t) => {
    const { node, app } = await start(t);
    const other = await mesh.start(t, { announce: true });
    await app.inject({
      method: 'POST',
      url: '/v1/candidates',
      payload: { address: other.address, node_id: other.nodeId },
    });
    await node.linkedWith(other);
    await node.until((event) => event.tag === 'message' && event.held.type === 'record');
    const status = (await app.inject({ method: 'GET', url: '/v1/status' })).json<StatusResponse>();
    assert.equal(status.node_id, node.nodeId);
    assert.deepEqual(status.addresses, [node.address]);
    assert.deepEqual(status.links, [{ node_id: other.nodeId, direction: 'outbound', address: other.address }]);
    assert.equal(status.counters.links_up, 1);
    const { records } = (await app.inject({ method: 'GET', url: '/v1/records' })).json<RecordsResponse>();
    assert.deepEqual(
      records.map(({ node_id, addresses, version }) => [node_id, addresses, version]),
      [[other.nodeId, [other.address], '0.0.0']],
    );
    assert.equal((await app.inject({ method: 'GET', url: '/healthz' })).statusCode, 200);
  });

  it('what happens: links that stand first, then all that comes', async (t) => {
    const { node, app } = await start(t);
    const other = await mesh.start(t);
    node.learn(other);
    await node.linkedWith(other);
    const next = await follow<NodeEventJson>(t, app, '/v1/events');
    const address = other.address;
    assert.deepEqual(await next(), { event: 'link-up', peer: other.nodeId, direction: 'outbound', address });
    const id = await other.say('x');
    const message = await next();
    assert.ok(message.event === 'message' && message.message_id === id && message.origin === other.nodeId);
    node.host.installCrl(await mesh.revoke(other.member));
    assert.equal((await next()).event, 'crl');
    assert.deepEqual(await next(), { event: 'link-down', peer: other.nodeId, why: 'revoked' });
  });

  it('places that are none are refused', async (t) => {
    const { app } = await start(t);
    for (const payload of [{}, { address: 'x' }, { address: 'h:0' }, { address: 'h:1', node_id: 'authority' }])
      assert.equal((await app.inject({ method: 'POST', url: '/v1/candidates', payload })).statusCode, 400);
  });
});
