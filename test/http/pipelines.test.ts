import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import {
  createServer,
  type RequestListener,
  type Server,
  type ServerOptions,
  IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { before, describe, it, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { tlsServerOptions } from '../../src/host/tls/server-options.ts';
import { ANSWERS_MS_MAX, PIPELINED_REQUESTS_MAX, Pipelines } from '../../src/http/pipelines.ts';
import { createHttpApp, type HttpApp } from '../../src/http/server.ts';
import { TestMesh } from '../support/mesh/nodes-on-loopback.ts';

/** What answers a connection, and how a client reaches it. */
interface Carrier {
  readonly createServer: (options: ServerOptions, listener: RequestListener) => Server;
  readonly connect: (port: number) => Promise<Socket>;
}

describe('requests sent ahead on one connection', () => {
  let tls: Carrier;
  const plain: Carrier = {
    createServer,
    connect: async (port) => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    },
  };
  before(async () => {
    const mesh = await TestMesh.make();
    const identity = tlsServerOptions(await mesh.authorityTls());
    tls = {
      createServer: (options, listener) => createTlsServer({ ...options, ...identity }, listener),
      connect: async (port) => {
        const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
        await once(socket, 'secureConnect');
        return socket;
      },
    };
  });

  async function served(t: TestContext, carrier: Carrier, add: (app: HttpApp) => void): Promise<Socket> {
    const app = await createHttpApp({ createServer: carrier.createServer, rate: undefined });
    add(app);
    await app.listen({ host: '127.0.0.1', port: 0 });
    t.after(() => app.close());
    const client = await carrier.connect((app.server.address() as AddressInfo).port);
    t.after(() => client.destroy());
    return client;
  }

  /** All that came until the other side closed in order. */
  async function heard(client: Socket): Promise<string> {
    let text = '';
    client.setEncoding('latin1').on('data', (piece: string) => (text += piece));
    await once(client, 'end');
    return text;
  }
  const statuses = (text: string): string[] => (text.match(/HTTP\/1\.1 \d+/g) ?? []).map((line) => line.slice(-3));
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

  for (const [name, carrier] of [
    ['plain', () => plain],
    ['TLS', () => tls],
  ] as const) {
    it(`are answered in order, as many as may wait (${name})`, async (t) => {
      const client = await served(t, carrier(), (app) => app.get('/:n', async ({ params }) => params));
      const paths = Array.from({ length: PIPELINED_REQUESTS_MAX }, (_, i) => `/${i}`);
      client.write(paths.map(get).join(''));
      let text = '';
      client.setEncoding('latin1').on('data', (piece: string) => (text += piece));
      while (statuses(text).length < paths.length) await once(client, 'data');
      assert.deepEqual(
        text.match(/(?<="n":")\d+/g),
        paths.map((path) => path.slice(1)),
      );
      client.write(get('/again')); // the connection is as good as before
      while (!text.includes('again')) await once(client, 'data');
    });

    it(`beyond that get the answers to what was taken, the reason, and the end: never a reset (${name})`, async (t) => {
      let handled = 0;
      const client = await served(t, carrier(), (app) =>
        app.get('/', async () => {
          handled++;
          await new Promise((resolve) => setImmediate(resolve));
          return { filler: 'x'.repeat(200) };
        }),
      );
      client.write(get('/').repeat(3_000));
      const told = statuses(await heard(client));
      assert.equal(told.pop(), '429');
      assert.ok(told.length === handled && told.every((status) => status === '200'), `${told.length} of ${handled}`);
      assert.ok(handled >= 1);
    });

    it(`wait in a bounded number, however slow the answers are (${name})`, async (t) => {
      let [waiting, most] = [0, 0];
      const opened: (() => void)[] = [];
      const client = await served(t, carrier(), (app) =>
        app.get('/', async () => {
          most = Math.max(most, ++waiting);
          await new Promise<void>((resolve) => opened.push(resolve));
          waiting--;
          return {};
        }),
      );
      client.write(get('/').repeat(3_000));
      while (most < PIPELINED_REQUESTS_MAX) await new Promise((resolve) => setImmediate(resolve));
      const text = heard(client);
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
      for (const open of opened) open();
      assert.equal(statuses(await text).at(-1), '429');
      assert.equal(most, PIPELINED_REQUESTS_MAX);
    });
  }
});

describe('a connection of which nothing more is read', () => {
  it('ends in time, whether or not what it waits for is answered', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const socket = Object.assign(new EventEmitter(), { resume: () => {}, end: t.mock.fn(), destroy: t.mock.fn() });
    const request = Object.create(IncomingMessage.prototype, { socket: { value: socket } }) as IncomingMessage;
    const pipelines = new Pipelines('goodbye');
    pipelines.within(() => {})(request, new EventEmitter() as ServerResponse); // never answered
    pipelines.end(socket as unknown as Socket);
    t.mock.timers.tick(ANSWERS_MS_MAX - 1);
    assert.deepEqual([socket.end.mock.callCount(), socket.destroy.mock.callCount()], [0, 0]);
    t.mock.timers.tick(1);
    assert.deepEqual([socket.end.mock.callCount(), socket.destroy.mock.callCount()], [0, 1]);
  });
});
