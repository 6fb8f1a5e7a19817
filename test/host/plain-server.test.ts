import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createPlainServer } from '../../src/host/plain-server.ts';

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
