import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  type SecureClientSessionOptions,
} from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import {
  createPlainServer,
  HEADER_PAIRS_MAX,
  REQUESTS_PER_CONNECTION_MAX,
  SESSION_MEGABYTES_MAX,
  SILENT_MS_MAX,
} from '../../../src/host/http/plain-server.ts';

const answer: RequestListener = (request, response) => {
  let length = 0;
  request.on('data', (part: Buffer) => (length += part.length));
  request.on('end', () => response.end(`${request.httpVersion} ${request.method} ${length}`));
};

describe('HTTP/1.1 and HTTP/2 on one port without TLS', () => {
  const server = createPlainServer({}, answer);
  let port: number;

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  it('answers each in its own', async () => {
    const body = 'x'.repeat(200_000);
    const http1 = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body });
    assert.equal(await http1.text(), '1.1 POST 200000');
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const stream = session.request({ ':method': 'POST' });
    stream.end(body);
    let text = '';
    for await (const part of stream.setEncoding('utf8')) text += String(part);
    session.close();
    assert.equal(text, '2.0 POST 200000');
  });

  it('takes a request that comes octet by octet, also where it begins like HTTP/2', async () => {
    for (const method of ['POST', 'PROPFIND', 'PUT']) {
      const socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('utf8');
      const closed = once(socket, 'close');
      let text = '';
      socket.on('data', (part: string) => (text += part));
      for (const octet of `${method} / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}`) {
        socket.write(octet);
        await pause(1);
      }
      await closed;
      assert.match(text, new RegExp(`^HTTP/1.1 200 OK[\\s\\S]*1.1 ${method} 2`));
    }
  });

  it('ends all of them at once: HTTP/1.1, HTTP/2, and those that have not said which', async () => {
    const other = createPlainServer({}, answer);
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port: at } = other.address() as AddressInfo;
    const silent = connect(at, '127.0.0.1');
    const begun = connect(at, '127.0.0.1');
    begun.write('PR');
    const idle = connect(at, '127.0.0.1');
    idle.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(idle, 'data');
    const session = connectHttp2(`http://127.0.0.1:${at}`);
    await once(session, 'remoteSettings');
    const ended = [silent, begun, idle, session].map(async (each) => {
      each.on('error', () => {});
      await once(each, 'close');
    });
    const closed = once(other, 'close');
    other.close();
    other.closeAllConnections();
    await Promise.all([...ended, closed]);
  });
});

describe('what one connection to that port may ask for', () => {
  async function served(t: TestContext, listener: RequestListener): Promise<{ server: Server; port: number }> {
    const server = createPlainServer({}, listener);
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { server, port: (server.address() as AddressInfo).port };
  }
  function open(t: TestContext, port: number, options: SecureClientSessionOptions = {}): ClientHttp2Session {
    const session = connectHttp2(`http://127.0.0.1:${port}`, options);
    session.on('error', () => {});
    t.after(() => session.destroy());
    return session;
  }
  /** @returns with what the stream was reset; 0 where it ended in order. */
  async function resetOf(stream: ClientHttp2Stream): Promise<number | undefined> {
    stream.on('error', () => {}).resume();
    await new Promise((resolve) => stream.once('close', resolve));
    return stream.rstCode;
  }

  it('is so many requests at once', async (t) => {
    const { port } = await served(t, () => {});
    const session = open(t, port);
    const streams = Array.from({ length: REQUESTS_PER_CONNECTION_MAX + 1 }, () => session.request({ ':path': '/' }));
    const first = await Promise.race(streams.map(resetOf));
    assert.equal(first, constants.NGHTTP2_REFUSED_STREAM);
    assert.equal(streams.filter(({ closed }) => !closed).length, REQUESTS_PER_CONNECTION_MAX);
  });

  it('is so many headers', async (t) => {
    const { port } = await served(t, (_request, response) => response.end());
    const ask = (pairs: number): Promise<number | undefined> => {
      const named = Object.fromEntries(Array.from({ length: pairs - 4 }, (_, n) => [`x-${n}`, 'y']));
      return resetOf(open(t, port).request({ ':path': '/', ...named }));
    };
    assert.equal(await ask(HEADER_PAIRS_MAX), 0);
    assert.equal(await ask(HEADER_PAIRS_MAX + 1), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });

  it('is so much memory: with more, nothing new is begun on it', async (t) => {
    const megabyte = new Uint8Array(1024 * 1024);
    const { port } = await served(t, (_request, response) => {
      for (let n = 0; n < 4; n++) response.write(megabyte);
    });
    const session = open(t, port);
    let begun = 0;
    let refused: number | undefined;
    while (refused === undefined && begun < REQUESTS_PER_CONNECTION_MAX) {
      const stream = session.request({ ':path': '/' }).on('error', () => {}); // its answer is not read
      refused = await new Promise<number | undefined>((resolve) => {
        stream.once('response', () => resolve(undefined));
        stream.once('close', () => resolve(stream.rstCode));
      });
      if (refused === undefined) begun++;
    }
    assert.equal(refused, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    assert.ok(4 * begun >= SESSION_MEGABYTES_MAX, `${begun} answers of four megabytes were begun`);
  });

  it('is some time in silence', async (t) => {
    const { server, port } = await served(t, () => {});
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const client = connect(port, '127.0.0.1');
    const [socket] = await connected;
    assert.equal(socket.timeout, SILENT_MS_MAX);
    socket.setTimeout(20); // the test need not wait as long
    await once(client, 'close');
  });
});
