import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { PeersResponse } from '../../../src/api/node-gossip.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import { HTTP2_STREAMS_MAX, HTTP_CONNECTIONS_PER_MEMBER_MAX } from '../../../src/host/http/carrier.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { MEMBER_RATE } from '../../../src/http/node/members/member.ts';
import { addMemberRoutes } from '../../../src/http/node/routes.ts';
import { createHttpApp } from '../../../src/http/server.ts';
import { splitAddress } from '../../../src/message/payloads/address.ts';
import { type Member, TestMesh, type TestNode } from '../../support/mesh/nodes-on-loopback.ts';
import { missing } from '../../support/foreign/programs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { RawTls } from '../../support/raw-tls.ts';
import { ask, startServing } from './support.ts';

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

const PEERS = { method: 'GET', path: '/v1/mesh/peers' } as const;

function openHttp2(node: TestNode, member: Member | undefined): ClientHttp2Session {
  const session = connectHttp2(`https://${node.address}`, {
    ca: mesh.rootPem,
    servername: `${node.nodeId}.${mesh.mesh}`,
    ...(member === undefined ? {} : { cert: member.tls.certificate, key: member.tls.key }),
  });
  session.on('error', () => {});
  return session;
}

async function getHttp2(session: ClientHttp2Session, path: string): Promise<{ status: unknown; text: string }> {
  const stream = session.request({ ':path': path });
  const head = once(stream, 'response') as Promise<[Record<string, unknown>]>;
  let text = '';
  for await (const part of stream.setEncoding('utf8')) text += String(part);
  return { status: (await head)[0][':status'], text };
}

describe('the node’s port, for HTTP', () => {
  it('S1.101: lists peers to a member, with HTTP/1.1, HTTP/2 and without ALPN', async (t) => {
    const [node, other] = [await startServing(t, mesh), await mesh.start(t)];
    other.learn(node);
    await node.linkedWith(other);
    const member = await mesh.member();
    const expected = [{ node_id: other.nodeId, status: 'connected', address: other.address }];
    const strip = ({ peers }: PeersResponse) =>
      peers.map(({ node_id, status, address }) => ({ node_id, status, address }));

    const answer = await ask(mesh, node, member, PEERS);
    assert.equal(answer.status, 200);
    assert.deepEqual(strip(answer.json as PeersResponse), expected);

    const session = openHttp2(node, member);
    t.after(() => session.destroy());
    const { status, text } = await getHttp2(session, PEERS.path);
    assert.equal(status, 200);
    assert.deepEqual(strip(JSON.parse(text) as PeersResponse), expected);

    const plain = new RawTls(node.address, member.tls, { ALPNProtocols: [] });
    plain.socket.write(`GET ${PEERS.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(new TextDecoder().decode(await plain.untilClosed()), /^HTTP\/1\.1 200 OK\r\n/);
  });

  it('remembers peers that have gone', async (t) => {
    const [node, other] = [await startServing(t, mesh), await mesh.start(t)];
    other.learn(node);
    await node.linkedWith(other);
    other.host.leave();
    await node.unlinkedFrom(other);
    const { json } = await ask(mesh, node, await mesh.member(), PEERS);
    assert.deepEqual(
      (json as PeersResponse).peers.map(({ node_id, status }) => [node_id, status]),
      [[other.nodeId, 'last_seen']],
    );
  });

  it('tells who shows no certificate that it needs one, for every path, and closes', async (t) => {
    const node = await startServing(t, mesh);
    for (const path of ['/v1/mesh/peers', '/healthz', '/nowhere']) {
      const answer = await ask(mesh, node, undefined, { method: 'GET', path });
      assert.deepEqual([answer.status, answer.json['code']], [401, 'ERR_CREDENTIAL_REQUIRED']);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      assert.equal(answer.headers.connection, 'close');
    }
    const session = openHttp2(node, undefined);
    t.after(() => session.destroy());
    const { status, text } = await getHttp2(session, PEERS.path);
    assert.equal(status, 401);
    assert.equal((JSON.parse(text) as { code: string }).code, 'ERR_CREDENTIAL_REQUIRED');
  });

  it('T16: asks for the certificate before it reads a body', async (t) => {
    const node = await startServing(t, mesh);
    const answer = await ask(mesh, node, undefined, {
      method: 'POST',
      path: '/v1/mesh/gossip',
      body: 'x'.repeat(100_000),
    });
    assert.equal(answer.status, 401);
  });

  for (const version of ['--http1.1', '--http2'])
    it(`T16: curl ${version} reads 413 for a body of a MiB`, { skip: missing('curl') }, async (t) => {
      const [node, { tls }] = [await startServing(t, mesh), await mesh.member()];
      const folder = tempDir(t);
      const file = (name: string, content: string | Uint8Array): string => {
        writeFileSync(join(folder, name), content, { mode: 0o600 });
        return join(folder, name);
      };
      const host = `${node.nodeId}.${mesh.mesh}`;
      const base = ['-sS', '-m', '20', version, '--connect-to', `${host}:443:${node.address}`, '-w', '\n%{http_code}'];
      const credential = ['--cert', file('cert', tls.certificate), '--key', file('key', tls.key)];
      const body = [
        '-H',
        'content-type: application/json',
        '--data-binary',
        `@${file('body', new Uint8Array(2 ** 20))}`,
      ];
      const trust = ['--cacert', file('ca', mesh.rootPem)];
      const curl = promisify(execFile);
      const { stdout } = await curl('curl', [
        ...base,
        ...trust,
        ...credential,
        ...body,
        `https://${host}/v1/mesh/gossip`,
      ]);
      assert.match(stdout, /ERR_BODY_TOO_LARGE.*\n413$/s);
    });

  it('closes on foreign, expired and revoked certificates before any byte of an answer', async (t) => {
    const node = await startServing(t, mesh);
    const foreign = await (await TestMesh.make()).member();
    const expired = await mesh.member({ issuedAt: (systemClock.wall() - 7_200_000) as UnixMs, lifeMs: 3_600_000 });
    const revoked = await mesh.member();
    node.host.installCrl(await mesh.revoke(revoked));
    for (const { tls } of [foreign, expired, revoked])
      for (const ALPNProtocols of [['http/1.1'], ['h2'], []]) {
        const connection = new RawTls(node.address, tls, { ALPNProtocols });
        connection.socket.write(`GET ${PEERS.path} HTTP/1.1\r\nHost: x\r\n\r\n`);
        assert.equal((await connection.untilClosed()).length, 0);
      }
  });

  it('S1.72: hears a member no more once it is revoked, on a connection that stands', async (t) => {
    const node = await startServing(t, mesh);
    const member = await mesh.member();
    const { host, port } = splitAddress(node.address);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const get = (): Promise<number> =>
      new Promise((resolve, reject) => {
        const call = request({
          ...PEERS,
          host,
          port,
          agent,
          ca: mesh.rootPem,
          cert: member.tls.certificate,
          key: member.tls.key,
          servername: `${node.nodeId}.${mesh.mesh}`,
        });
        call.on('error', reject);
        call.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode ?? 0)));
        call.end();
      });
    const session = openHttp2(node, member);
    t.after(() => session.destroy());
    assert.equal(await get(), 200);
    assert.equal((await getHttp2(session, PEERS.path)).status, 200);
    node.host.installCrl(await mesh.revoke(member));
    await assert.rejects(get(), { code: 'ECONNRESET' });
    const closed = once(session, 'close');
    session.request({ ':path': PEERS.path }).on('error', () => {});
    await closed;
  });

  it('bounds the connections of one member', async (t) => {
    const node = await startServing(t, mesh);
    const member = await mesh.member();
    const open = (): RawTls => new RawTls(node.address, member.tls, { ALPNProtocols: ['http/1.1'] });
    const connections = Array.from({ length: HTTP_CONNECTIONS_PER_MEMBER_MAX }, open);
    t.after(() => connections.forEach(({ socket }) => socket.destroy()));
    await Promise.all(
      connections.map((connection) => {
        connection.socket.write(`GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`);
        return connection.untilReceived(1);
      }),
    );
    assert.equal((await open().untilClosed()).length, 0);
    assert.equal((await ask(mesh, node, await mesh.member(), PEERS)).status, 200);
  });

  it('bounds what is under way on one connection of HTTP/2', async (t) => {
    const [node, member] = [await startServing(t, mesh), await mesh.member()];
    const session = openHttp2(node, member);
    t.after(() => session.destroy());
    const refused: number[] = [];
    const enough = Promise.withResolvers<void>();
    // More than it may, before it can know.
    const streams = Array.from({ length: HTTP2_STREAMS_MAX + 4 }, () => {
      const head = { ':method': 'POST', ':path': '/v1/mesh/gossip', 'content-type': 'application/cose' };
      const stream = session.request(head, { endStream: false });
      stream.on('error', () => {});
      stream.once('close', () => {
        refused.push(stream.rstCode);
        if (refused.length === 4) enough.resolve();
      });
      return stream;
    });
    await enough.promise;
    assert.deepEqual(refused, Array<number>(4).fill(constants.NGHTTP2_REFUSED_STREAM));
    assert.equal(session.remoteSettings.maxConcurrentStreams, HTTP2_STREAMS_MAX);
    assert.equal(streams.filter(({ closed }) => !closed).length, HTTP2_STREAMS_MAX);
  });

  it('bounds the requests of one member, whatever others do', async (t) => {
    const node = await mesh.start(t);
    const [loud, quiet] = [await mesh.member(), await mesh.member()];
    const app = await createHttpApp({ createServer, rate: undefined });
    t.after(() => app.close());
    let member = loud;
    addMemberRoutes(app, {
      service: node.host,
      memberOf: () => ({ nodeId: member.nodeId, chain: member.chain }),
      signedHosts: [],
    });
    const answers = [];
    for (let n = 0; n < 2 * MEMBER_RATE.burstTokens; n++) answers.push(await app.inject(PEERS));
    const refused = answers.filter(({ statusCode }) => statusCode === 429);
    assert.ok(refused.length > 0 && answers.length - refused.length >= MEMBER_RATE.burstTokens);
    assert.equal(refused[0]?.headers['retry-after'], '1');
    assert.equal(refused[0]?.json<{ code: string }>().code, 'ERR_RATE_LIMITED');
    member = quiet;
    assert.equal((await app.inject(PEERS)).statusCode, 200);
  });

  it('tells unknown paths and wrong methods apart', async (t) => {
    const [node, member] = [await startServing(t, mesh), await mesh.member()];
    assert.equal((await ask(mesh, node, member, { method: 'GET', path: '/v1/messages' })).status, 404);
    assert.equal((await ask(mesh, node, member, { method: 'PUT', path: '/v1/mesh/peers' })).status, 405);
    assert.equal((await ask(mesh, node, member, { method: 'GET', path: '/v1/mesh/gossip' })).status, 405);
  });
});
