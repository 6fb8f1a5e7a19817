import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { before, describe, it, type TestContext } from 'node:test';
import { MINUTE_MS } from '../../../src/base/time.ts';
import { LINK_DIAL_MS_MAX, TlsDialler } from '../../../src/host/tls/dialler.ts';
import { PORT_CONNECTIONS_MAX, TlsPort } from '../../../src/host/tls/port.ts';
import { HANDSHAKE_MS_MAX, tlsServerOptions } from '../../../src/host/tls/server-options.ts';
import { type Address, parseAddress } from '../../../src/message/payloads/address.ts';
import { TestMesh } from '../../support/mesh/nodes-on-loopback.ts';
import { rawTcp } from '../../support/raw-tls.ts';

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

const nobody = (): never => assert.fail('nobody is to be judged');

/** A server that takes connections and says nothing. */
async function silentServer(t: TestContext): Promise<{ readonly server: Server; readonly address: Address }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, address: parseAddress(`127.0.0.1:${(server.address() as { port: number }).port}`) };
}

describe('a dial', () => {
  it('that meets silence is given up in time', async (t) => {
    const { server, address } = await silentServer(t);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { tls } = await mesh.member();
    const dial = new TlsDialler({ mesh: mesh.mesh, identity: tls, judge: nobody }).dial(address, undefined);
    let isOver = false;
    dial.catch(() => (isOver = true));
    await once(server, 'connection');
    t.mock.timers.tick(LINK_DIAL_MS_MAX - 1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isOver, false);
    t.mock.timers.tick(1);
    await assert.rejects(dial, { code: 'ERR_UNREACHABLE', message: /no answer within 5 s/ });
  });
});

describe('a handshake', () => {
  it('that is not done in time ends, at every server of a mesh', async (t) => {
    const options = tlsServerOptions((await mesh.member()).tls);
    assert.equal(options.handshakeTimeout, HANDSHAKE_MS_MAX);
    const server = createTlsServer({ ...options, handshakeTimeout: 20 }); // the test need not wait as long
    t.after(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const refused = once(server, 'tlsClientError') as Promise<[NodeJS.ErrnoException, TLSSocket]>;
    const client = await rawTcp(`127.0.0.1:${(server.address() as { port: number }).port}`);
    t.after(() => client.destroy());
    assert.equal((await refused)[0].code, 'ERR_TLS_HANDSHAKE_TIMEOUT');
  });
});

describe('the port of a node', () => {
  it('takes so many connections and closes the next before a handshake, until one has gone', async (t) => {
    let server: (Server & { _connections: number }) | undefined;
    const listened = (message: unknown): void => {
      server = (message as { server: typeof server }).server;
    };
    subscribe('tracing:net.server.listen:asyncStart', listened);
    t.after(() => unsubscribe('tracing:net.server.listen:asyncStart', listened));
    const port = await TlsPort.listen('127.0.0.1', 0, {
      identity: (await mesh.member()).tls,
      judge: nobody,
      revocationPollMs: MINUTE_MS,
      onLink: nobody,
      onHttp: nobody,
      onRefused: () => {},
    });
    t.after(() => port.close());
    assert.ok(server !== undefined);
    // Two thousand sockets are not opened for this: Node.js counts them here.
    server._connections = PORT_CONNECTIONS_MAX;
    const [turnedAway] = await Promise.all([rawTcp(port.address), once(server, 'drop')]);
    await once(turnedAway.resume(), 'close');
    server._connections = PORT_CONNECTIONS_MAX - 1;
    const [taken] = await Promise.all([rawTcp(port.address), once(server, 'connection')]);
    assert.equal(taken.destroyed, false);
    taken.destroy();
  });
});
