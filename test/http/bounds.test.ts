import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { FastifyReply } from 'fastify';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { CLIENTS_MAX } from '../../src/base/client-key.ts';
import type { MonotonicMs } from '../../src/base/time.ts';
import { RefusalBudget, REFUSALS_PER_CLIENT } from '../../src/http/authority/enrollment/refusal-budget.ts';
import { EventStream, UNREAD_EVENTS_BYTES_MAX as EVENT_BYTES_MAX } from '../../src/http/node/programs/event-stream.ts';
import { COUNTED_MEMBERS_MAX, MEMBER_RATE, memberBudgets } from '../../src/http/node/members/member.ts';
import {
  createHttpApp,
  HEADER_BYTES_MAX,
  HEADERS_MAX,
  HEADERS_MS_MAX,
  HTTP_CONNECTIONS_MAX,
  type HttpApp,
  REQUEST_MS_MAX,
} from '../../src/http/server.ts';
import { GOODBYE_MS_MAX } from '../../src/http/pipelines.ts';
import { UNREAD_MS_MAX } from '../../src/http/unread-body.ts';
import { parseNodeId } from '../../src/identity/node-id.ts';
import { HandClock } from '../support/mesh/authority-world.ts';

const NOW = 0 as MonotonicMs;

/** An app on loopback; late requests are looked for all the time, and not every ten seconds. */
async function served(t: TestContext): Promise<{ readonly app: HttpApp; readonly port: number }> {
  const app = await createHttpApp({
    createServer: (options, listener) => createServer({ ...options, connectionsCheckingInterval: 10 }, listener),
    rate: undefined,
  });
  app.get('/', async () => ({ ok: true }));
  app.post('/', async () => ({ ok: true }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => app.close());
  return { app, port: (app.server.address() as AddressInfo).port };
}

/** A client that keeps its side open whatever the server does. */
async function stubborn(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function answerTo(t: TestContext, port: number, request: string): Promise<string> {
  const socket = await stubborn(t, port);
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  socket.write(request);
  await once(socket, 'end');
  return text;
}

const GET = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n';

describe('the head of a request', () => {
  it('may have so many bytes', async (t) => {
    const { port } = await served(t);
    const filled = (bytes: number): string => `${GET}x: ${'y'.repeat(bytes)}\r\n\r\n`;
    assert.match(await answerTo(t, port, filled(HEADER_BYTES_MAX - 200)), /^HTTP\/1\.1 200 /);
    assert.match(await answerTo(t, port, filled(HEADER_BYTES_MAX)), /^HTTP\/1\.1 431 .*ERR_HEADERS_TOO_LARGE/s);
  });

  it('may have so many lines', async (t) => {
    const { port } = await served(t);
    const filled = (lines: number): string => `${GET}${'x: y\r\n'.repeat(lines - 2)}\r\n`;
    assert.match(await answerTo(t, port, filled(HEADERS_MAX)), /^HTTP\/1\.1 200 /);
    assert.match(await answerTo(t, port, filled(HEADERS_MAX + 1)), /^HTTP\/1\.1 431 .*ERR_HEADERS_TOO_LARGE/s);
  });

  for (const coding of [
    'xchunked\r\ntransfer-encoding: chunked',
    'gzip, chunked',
    'chunked, chunked',
    'identity\r\ntransfer-encoding: chunked',
  ])
    it(`names no other transfer coding than one that is read here: ${JSON.stringify(coding)}`, async (t) => {
      const { port } = await served(t);
      const post = (name: string): Promise<string> =>
        answerTo(
          t,
          port,
          `POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: ${name}\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
        );
      assert.match(await post(coding), /^HTTP\/1\.1 400 /);
      assert.match(await post('Chunked'), /^HTTP\/1\.1 200 /);
    });

  it('must come in time', async (t) => {
    const { app, port } = await served(t);
    assert.equal(app.server.headersTimeout, HEADERS_MS_MAX);
    app.server.headersTimeout = 20; // the test need not wait as long
    assert.match(await answerTo(t, port, GET), /^HTTP\/1\.1 408 .*ERR_REQUEST_TIMEOUT/s);
  });
});

describe('a request', () => {
  it('must come in time as a whole', async (t) => {
    const { app, port } = await served(t);
    assert.equal(app.server.requestTimeout, REQUEST_MS_MAX);
    app.server.headersTimeout = 10; // the test need not wait as long
    app.server.requestTimeout = 20;
    const head = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{';
    assert.match(await answerTo(t, port, head), /^HTTP\/1\.1 408 .*ERR_REQUEST_TIMEOUT/s);
  });

  it('that was refused unread is read on for so long and no longer', async (t) => {
    const { app, port } = await served(t);
    const opened = once(app.server, 'connection') as Promise<[Socket]>;
    const client = await stubborn(t, port);
    const [socket] = await opened;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    client.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 70000\r\n\r\n');
    assert.match(String((await once(client, 'data'))[0]), /^HTTP\/1\.1 413 /);
    await turns(); // what follows the answer
    t.mock.timers.tick(UNREAD_MS_MAX - 1);
    await turns();
    assert.equal(socket.destroyed, false);
    t.mock.timers.tick(1);
    await turns();
    assert.equal(socket.destroyed, true);
  });
});

describe('a connection', () => {
  it('that was told why it ends is let go in time, whether or not the client closes it', async (t) => {
    const { app, port } = await served(t);
    const opened = once(app.server, 'connection') as Promise<[Socket]>;
    const client = await stubborn(t, port);
    const [socket] = await opened;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    client.write('no HTTP at all\r\n\r\n');
    assert.match(String((await once(client, 'data'))[0]), /^HTTP\/1\.1 400 /);
    t.mock.timers.tick(GOODBYE_MS_MAX - 1);
    assert.equal(socket.destroyed, false);
    t.mock.timers.tick(1);
    assert.equal(socket.destroyed, true);
  });

  it('is turned away where there are too many', async (t) => {
    const { app, port } = await served(t);
    const server = app.server as Server & { _connections: number };
    server._connections = HTTP_CONNECTIONS_MAX; // Node.js counts them here
    const [turnedAway] = await Promise.all([stubborn(t, port), once(server, 'drop')]);
    await once(turnedAway.resume(), 'end');
    server._connections = HTTP_CONNECTIONS_MAX - 1;
    assert.match(await answerTo(t, port, `${GET}\r\n`), /^HTTP\/1\.1 200 /);
    server._connections = 0;
  });
});

describe('a stream of events', () => {
  it('ends where so much waits for a reader that does not read', async () => {
    const raw = Object.assign(new Writable({ write: () => {}, highWaterMark: 1 }), {
      writeHead: () => {},
      flushHeaders: () => {},
    });
    const stream = new EventStream({ raw, hijack: () => {} } as unknown as FastifyReply);
    let hasEnded = false;
    stream.onEnd(() => (hasEnded = true));
    const event = 'x'.repeat(EVENT_BYTES_MAX / 4);
    for (let n = 0; n < 3; n++) stream.send(event);
    assert.equal(raw.destroyed, false);
    stream.send(event);
    assert.equal(raw.destroyed, true);
    await turns();
    assert.equal(hasEnded, true);
  });
});

describe('clients whose requests are counted', () => {
  it('are so many; one that is forgotten begins anew', async (t) => {
    const app = await createHttpApp({ createServer, rate: { requestsMax: 1, windowMs: 3_600_000 } });
    app.get('/', async () => ({ ok: true }));
    t.after(() => app.close());
    const statusFor = async (n: number): Promise<number> => {
      const remoteAddress = `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
      return (await app.inject({ method: 'GET', url: '/', remoteAddress })).statusCode;
    };
    assert.deepEqual([await statusFor(0), await statusFor(0)], [200, 429]);
    for (let n = 1; n <= CLIENTS_MAX; n++) await statusFor(n);
    assert.equal(await statusFor(CLIENTS_MAX), 429);
    assert.equal(await statusFor(0), 200);
  });

  it('for their refused tickets are so many too', () => {
    const budget = new RefusalBudget(new HandClock());
    for (let n = 0; n < REFUSALS_PER_CLIENT.burstTokens; n++) budget.note('greedy');
    assert.throws(() => budget.check('greedy'), { code: 'ERR_RATE_LIMITED' });
    for (let n = 1; n < CLIENTS_MAX; n++) budget.note(`client ${n}`);
    assert.throws(() => budget.check('greedy'), { code: 'ERR_RATE_LIMITED' });
    for (let n = 1; n <= CLIENTS_MAX; n++) budget.note(`another ${n}`);
    budget.check('greedy');
  });

  it('among members are so many too', () => {
    const budgets = memberBudgets();
    const [greedy, other] = [parseNodeId('greedy'), parseNodeId('other')];
    const spend = (): boolean => {
      let isGranted = true;
      for (let n = 0; n < MEMBER_RATE.burstTokens; n++) isGranted = budgets.take(NOW, greedy) && isGranted;
      return isGranted;
    };
    assert.deepEqual([spend(), budgets.take(NOW, greedy), budgets.take(NOW, other)], [true, false, true]);
    for (let n = 0; n < COUNTED_MEMBERS_MAX; n++) budgets.take(NOW, parseNodeId(`n${n}`));
    assert.equal(spend(), true);
  });
});
