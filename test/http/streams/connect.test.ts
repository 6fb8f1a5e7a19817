import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { after, before, describe, it } from 'node:test';
import { Code } from '@connectrpc/connect';
import { toBase64 } from '../../../src/base/bytes.ts';
import { createLog } from '../../../src/daemon/log.ts';
import {
  type RunningStreams,
  runStreams,
  STREAM_CONNECTIONS_MAX,
  STREAM_REQUEST_RATE,
} from '../../../src/daemon/streams/run.ts';
import { CALL_BYTES_MAX } from '../../../src/http/streams/routes.ts';
import { challengeHash } from '../../../src/message/river/challenge.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import { PAYLOAD } from '../../../src/message/river/envelope.ts';
import type { Wallet } from '../../../src/message/river/wallet.ts';
import { ALICE, MALLORY } from '../../support/river.ts';
import { channelId, connectClient, genesis, membership, userStreamId } from '../../support/river-streams.ts';
import { tempDir } from '../../support/temp-dir.ts';

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly error: { readonly code: string; readonly river_code: number };
}

const log = createLog('silent', 'stream');

describe('calls over plain HTTP', () => {
  const directory = tempDir({ after });
  let server: RunningStreams;

  before(async () => {
    // As many as ever, in an hour: a busy machine does not send them within ten seconds.
    const rate = { ...STREAM_REQUEST_RATE, windowMs: 3_600_000 };
    server = await runStreams({ directory, listen: '127.0.0.1:0', forever: 'refused', needsSession: false, log, rate });
  });
  after(() => server.close());

  async function post(path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
    const response = await fetch(`${server.url}/river.${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    return { status: response.status, river: response.headers.get('x-river-error'), response };
  }

  it('answer JSON with JSON: bytes as base64, times in RFC 3339', async () => {
    const { status, response } = await post('StreamService/Info', '{}');
    assert.equal(status, 200);
    assert.equal(response.headers.get('content-type'), 'application/json');
    const { startTime, graffiti } = (await response.json()) as { startTime: string; graffiti: string };
    assert.equal(graffiti, 'chainmail');
    assert.ok(Math.abs(Date.parse(startTime) - Date.now()) < 3_600_000);
  });

  it('answer an empty protobuf body, which is a message too', async () => {
    const { status, response } = await post('StreamService/Info', new Uint8Array(0), {
      'content-type': 'application/proto',
    });
    assert.equal(status, 200);
    assert.equal(response.headers.get('content-type'), 'application/proto');
    assert.ok((await response.arrayBuffer()).byteLength > 10);
  });

  it('take names as the .proto has them', async () => {
    const id = channelId('snake');
    const { hash, signature, event } = genesis(id);
    const envelope = { hash: toBase64(hash), signature: toBase64(signature), event: toBase64(event) };
    const body = JSON.stringify({ stream_id: toBase64(id), events: [envelope], unknown: 1 });
    const { status } = await post('StreamService/CreateStream', body, { 'connect-protocol-version': '1' });
    assert.equal(status, 200);
  });

  it('refuse what is no call, each with its status and code', async () => {
    const json = { 'content-type': 'application/json' };
    const proto = { 'content-type': 'application/proto' };
    const cases = [
      ['StreamService/AddEvent', '{', json, 400, 'invalid_argument', 'ERR_PROTOBUF'],
      ['StreamService/AddEvent', '[]', json, 400, 'invalid_argument', 'ERR_PROTOBUF'],
      ['StreamService/AddEvent', '{"streamId":5}', json, 400, 'invalid_argument', 'ERR_PROTOBUF'],
      ['StreamService/AddEvent', '{"streamId":"","streamId":""}', json, 400, 'invalid_argument', 'ERR_PROTOBUF'],
      ['StreamService/AddEvent', '{"stream\\u0049d":"","streamId":""}', json, 400, 'invalid_argument', 'ERR_PROTOBUF'],
      ['StreamService/AddEvent', new Uint8Array([0x0a, 5]), proto, 400, 'invalid_argument', 'ERR_PROTOBUF'],
      ['StreamService/AddEvent', new Uint8Array([0xff, 0xfe]), json, 400, 'invalid_argument', 'ERR_PROTOBUF'],
      ['StreamService/AddEvent', '{}', json, 400, 'failed_precondition', 'ERR_STREAM_ID'],
      ['StreamService/Info', '{}', { 'content-type': 'text/plain' }, 415, 'invalid_argument', 'ERR_MEDIA_TYPE'],
      [
        'StreamService/Info',
        gzipSync('{}'),
        { ...json, 'content-encoding': 'gzip' },
        415,
        'invalid_argument',
        'ERR_MEDIA_TYPE',
      ],
      ['StreamService/Info', '{}', { ...json, 'connect-protocol-version': '2' }, 400, 'invalid_argument', 'ERR_INPUT'],
    ] as const;
    for (const [path, body, headers, status, code, known] of cases) {
      const told = await post(path, body, headers);
      const refusal = (await told.response.json()) as Refusal;
      assert.deepEqual([told.status, refusal.code, refusal.error.code], [status, code, known]);
    }
  });

  it('refuse epochs of wallets in JSON that two readers would understand in two ways', async () => {
    const response = await fetch(`${server.url}/v1/wallet-epochs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"statement":"AA==","statement":"AQ=="}',
    });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /ERR_INPUT/);
  });

  it('refuse a body that claims to be too large', async () => {
    const { status, response } = await post('StreamService/AddEvent', new Uint8Array(CALL_BYTES_MAX + 1), {
      'content-type': 'application/proto',
    });
    assert.equal(status, 413);
    assert.equal(((await response.json()) as Refusal).code, 'resource_exhausted');
  });

  it('say of methods that are not served that they are unimplemented, whatever the body', async () => {
    for (const [type, body] of [
      ['application/json', '{}'],
      ['application/json', '{'],
      ['application/proto', new Uint8Array([0xff])],
      ['text/plain', 'hello'],
    ] as const)
      for (const method of ['StreamService/AllocateStream', 'StreamService/', 'AuthenticationService/Other']) {
        const { status, river, response } = await post(method, body, { 'content-type': type });
        assert.equal(response.headers.get('content-type'), 'application/json');
        const { code, error } = (await response.json()) as Refusal;
        assert.deepEqual(
          [status, river, code, error.code],
          [501, 'UNIMPLEMENTED', 'unimplemented', 'ERR_NOT_FOUND'],
          method,
        );
      }
  });

  it("are told so in River's own client: of one message, and of a stream of them", async () => {
    const client = connectClient(server.url, false);
    const isUnimplemented = { code: Code.Unimplemented };
    for (const stream of [client.syncStreams({}), client.getStreamEx({})])
      await assert.rejects(async () => stream[Symbol.asyncIterator]().next(), isUnimplemented);
    await assert.rejects(client.pingSync({}), isUnimplemented);
  });

  it('know other services not, and other methods of HTTP not', async () => {
    assert.equal((await post('NodeToNode/Any', '{}')).status, 404);
    const got = await fetch(`${server.url}/river.StreamService/Info`);
    assert.equal(got.status, 405);
  });

  it('come on so many connections, and the next finds the port shut', async () => {
    const { hostname, port } = new URL(server.url);
    const sockets = Array.from({ length: STREAM_CONNECTIONS_MAX + 20 }, () => connect(Number(port), hostname));
    const closed = sockets.map(async (socket) => {
      socket.on('error', () => {});
      await once(socket, 'close');
    });
    await Promise.any(closed); // those beyond the limit; the others are held until they are let go
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
    assert.equal((await post('StreamService/Info', '{}')).status, 200);
  });

  it('are limited, and say for how long', async () => {
    let limited: Response | undefined;
    for (let i = 0; i <= STREAM_REQUEST_RATE.requestsMax && limited === undefined; i++) {
      const { status, response } = await post('StreamService/Info', '{}');
      if (status === 429) limited = response;
      else await response.arrayBuffer();
    }
    assert.ok(limited !== undefined);
    assert.ok(Number(limited.headers.get('retry-after')) > 0);
    assert.equal(((await limited.json()) as Refusal).code, 'resource_exhausted');
  });
});

describe('a stream store that asks for a session', () => {
  const directory = tempDir({ after });
  let server: RunningStreams;

  before(async () => {
    server = await runStreams({ directory, listen: '127.0.0.1:0', forever: 'refused', needsSession: true, log });
  });
  after(() => server.close());

  async function call<T>(method: string, body: unknown): Promise<{ status: number; answer: T }> {
    const response = await fetch(`${server.url}/river.AuthenticationService/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, answer: (await response.json()) as T };
  }

  async function login(signer = ALICE, user = ALICE) {
    const userId = toBase64(user.address);
    const { answer: start } = await call<{ challenge: string; expiration: string }>('StartAuthentication', { userId });
    const challenge = {
      bytes: Uint8Array.fromBase64(start.challenge),
      user: user.address,
      expiresAt: Date.parse(start.expiration) as UnixMs,
    };
    const signature = toBase64(signer.signPersonal(challengeHash('NS_AUTH:', challenge)));
    const finish = { userId, challenge: start.challenge, signature };
    return { finish, ...(await call<{ sessionToken: string } & Refusal>('FinishAuthentication', finish)) };
  }

  it('answers who has authenticated, with the token as a bearer or alone', async () => {
    const { status, answer, finish } = await login();
    assert.equal(status, 200);
    const id = channelId('private');
    for (const token of [answer.sessionToken, `Bearer ${answer.sessionToken}`])
      await connectClient(server.url, true, token).createStream({ streamId: id, events: [genesis(id)] });
    const { status: again, answer: refusal } = await call<Refusal>('FinishAuthentication', finish);
    assert.deepEqual([again, refusal.code], [404, 'not_found']);
  });

  it('lets read a stream who is invited, a member or its creator, and nobody else', async () => {
    const as = async (user: Wallet) => connectClient(server.url, true, (await login(user, user)).answer.sessionToken);
    const [alice, mallory] = [await as(ALICE), await as(MALLORY)];
    const id = channelId('members only');
    const first = genesis(id);
    await alice.createStream({ streamId: id, events: [first] });
    // Also by the answer to a creation that has been seen once, by a cookie, or where a stream need not be there.
    for (const read of [
      () => mallory.getStream({ streamId: id }),
      () => mallory.getStream({ streamId: id, optional: true }),
      () => mallory.getStream({ streamId: id, syncCookie: { minipoolGen: 1n } }),
      () => mallory.createStream({ streamId: id, events: [first] }),
    ])
      await assert.rejects(read, /7:PERMISSION_DENIED.* is no member of stream/);
    const { hash } = await mallory.getLastMiniblockHash({ streamId: id });
    const prev = new Uint8Array(hash);
    const isRead = async () => ((await mallory.getStream({ streamId: id })).stream?.miniblocks.length ?? 0) > 0;
    await alice.addEvent({ streamId: id, event: membership(prev, 1, MALLORY) });
    assert.ok(await isRead());
    await mallory.addEvent({ streamId: id, event: membership(prev, 2, MALLORY, MALLORY) });
    assert.ok(await isRead());
    await mallory.addEvent({ streamId: id, event: membership(prev, 3, MALLORY, MALLORY) });
    await assert.rejects(isRead, /7:PERMISSION_DENIED/);
    await alice.addEvent({ streamId: id, event: membership(prev, 3, ALICE) });
    assert.equal((await alice.getStream({ streamId: id })).stream?.miniblocks[0]?.events.length, 1);
  });

  it('lets everybody read what a user tells of the own devices, and no other stream of the user', async () => {
    const { answer } = await login(MALLORY, MALLORY);
    const mallory = connectClient(server.url, true, answer.sessionToken);
    for (const [kind, payload] of [
      [0xad, PAYLOAD.userMetadata],
      [0xa8, PAYLOAD.user],
      [0xa5, PAYLOAD.userSettings],
      [0xa1, PAYLOAD.userInbox],
    ] as const) {
      const streamId = userStreamId(kind, ALICE);
      await mallory.createStream({ streamId, events: [genesis(streamId, { payload })] }); // Alice signed it
      const read = mallory.getStream({ streamId });
      if (payload === PAYLOAD.userMetadata) assert.equal((await read).stream?.miniblocks.length, 1);
      else await assert.rejects(read, /7:PERMISSION_DENIED/);
    }
  });

  it('answers nobody else, but for what it is', async () => {
    const { status, answer } = await login(MALLORY);
    assert.deepEqual([status, answer.code, answer.error.river_code], [403, 'permission_denied', 7]);
    for (const token of [undefined, 'Bearer guess']) {
      const client = connectClient(server.url, false, token);
      await client.info({});
      await assert.rejects(client.getStream({ streamId: channelId('private') }), /16:UNAUTHENTICATED/);
      await assert.rejects(client.addEvent({ streamId: channelId('private') }), /16:UNAUTHENTICATED/);
      await assert.rejects(client.createStream({ streamId: channelId('private') }), /16:UNAUTHENTICATED/);
    }
  });
});
