import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { before, describe, it, type TestContext } from 'node:test';
import { TlsDialler } from '../../../src/host/tls/dialler.ts';
import { boundLateHandshake, LATE_HANDSHAKE_RATE } from '../../../src/host/tls/late-handshake.ts';
import { LateHandshake, SUITE } from '../../support/hostile/late-handshake-by-hand.ts';
import { TestMesh } from '../../support/mesh/nodes-on-loopback.ts';

/** Of a session, which a server of Node.js sends behind its handshake: a record each. */
const TICKETS = 2;

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

interface End {
  readonly raw: Socket;
  readonly tls: TLSSocket;
  /** The line of the key log with the first secret that this end sends under. */
  readonly secret: Buffer;
}

/** Both ends of a TLS connection. */
async function ends(t: TestContext): Promise<{ readonly client: End; readonly server: End }> {
  const { tls } = await mesh.member();
  const secrets = new Map<string, Buffer>();
  const note = (line: Buffer): void => void secrets.set(line.toString().split(' ', 1)[0] as string, line);
  const tlsServer = createServer({ cert: tls.certificate, key: tls.key, ciphers: SUITE, minVersion: 'TLSv1.3' });
  tlsServer.on('keylog', note);
  const tcp = createTcpServer((socket) => tlsServer.emit('connection', socket)).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const raw = connectTcp((tcp.address() as AddressInfo).port, '127.0.0.1');
  const accepted = once(tcp, 'connection') as Promise<[Socket]>;
  const secured = once(tlsServer, 'secureConnection') as Promise<[TLSSocket]>;
  const client = connect({ socket: raw, rejectUnauthorized: false });
  let tickets = 0;
  const ticketed = new Promise<void>((resolve) => client.on('session', () => ++tickets === TICKETS && resolve()));
  client.resume();
  const [[serverRaw], [server]] = await Promise.all([accepted, secured, ticketed]);
  for (const socket of [server, client, raw]) socket.on('error', () => {});
  t.after(() => {
    client.destroy();
    server.destroy();
    tcp.close();
  });
  return {
    client: { raw, tls: client, secret: secrets.get('CLIENT_TRAFFIC_SECRET_0') as Buffer },
    server: { raw: serverRaw, tls: server, secret: secrets.get('SERVER_TRAFFIC_SECRET_0') as Buffer },
  };
}

describe('a connection behind its handshake', () => {
  for (const [what, who, sent, event] of [
    ['changes keys', 'client', 0, 'keylog'],
    ['changes keys', 'server', TICKETS, 'keylog'],
    ['gives tickets', 'server', TICKETS, 'session'],
  ] as const)
    it(`ends where the ${who} ${what} without end (T3)`, async (t) => {
      const both = await ends(t);
      const [hostile, honest] = who === 'client' ? [both.client, both.server] : [both.server, both.client];
      honest.tls.resume();
      boundLateHandshake(honest.tls);
      let seen = 0;
      const enough = new Promise<void>((resolve) =>
        honest.tls.on(event, () => {
          if (++seen === LATE_HANDSHAKE_RATE.burstTokens) resolve();
        }),
      );
      const late = new LateHandshake(hostile.raw, hostile.secret, sent);
      const send = (count: number): void => (event === 'keylog' ? late.changeKeys(count) : late.giveTickets(count));
      send(LATE_HANDSHAKE_RATE.burstTokens);
      await enough;
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      assert.equal(honest.tls.destroyed, false);
      const closed = once(honest.tls, 'close');
      send(1);
      await closed;
    });

  it('is watched on each connection of a node, whoever dialled', async (t) => {
    const opened: TLSSocket[] = [];
    const node = await mesh.start(t, { onHttp: (socket) => opened.push(socket) });
    const member = await mesh.member();
    const [host, port] = node.address.split(':') as [string, string];
    const socket = connect({
      host,
      port: Number(port),
      cert: member.tls.certificate,
      key: member.tls.key,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    });
    t.after(() => socket.destroy());
    while (opened.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(opened[0]?.listenerCount('keylog'), 1);
    const { nodeId, host: owner } = node;
    const dialler = new TlsDialler({ mesh: mesh.mesh, identity: member.tls, judge: owner.judge });
    const dialled = await dialler.dial(node.address, nodeId);
    t.after(() => dialled.socket.destroy());
    assert.equal(dialled.socket.listenerCount('keylog'), 1);
  });
});
