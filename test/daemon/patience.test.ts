import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { z } from 'zod';
import { renderTicket, TICKET_FORMAT } from '../../src/api/ticket.ts';
import { initAuthority } from '../../src/daemon/authority/init.ts';
import { AUTHORITY_CALL_MS_MAX, withAuthority } from '../../src/daemon/authority/desk.ts';
import { enrollNode, ENROLLMENT_BYTES_MAX } from '../../src/daemon/node/enroll.ts';
import type { EnrolledNode } from '../../src/daemon/node/enrolled-node.ts';
import { LIST_MS_MAX, revocationByAuthority } from '../../src/daemon/node/own-revocation.ts';
import { dialForHello, PROBE_DIAL_MS_MAX } from '../../src/daemon/up/probe.ts';
import { controlSocketOf } from '../../src/host/http/control-socket.ts';
import { tlsServerOptions } from '../../src/host/tls/server-options.ts';
import { passphrase } from '../support/processes/authority-process.ts';
import { TestMesh } from '../support/mesh/nodes-on-loopback.ts';
import { tempDir } from '../support/temp-dir.ts';

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

/** An authority's port that answers as the test says. @returns its endpoint. */
async function authority(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(tlsServerOptions(await mesh.authorityTls()), listener);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `https://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits until `asked`, then lets so much time pass that the work must be over, and looks that it was not before. */
async function outlast(t: TestContext, work: Promise<unknown>, asked: Promise<unknown>, msMax: number): Promise<void> {
  let isOver = false;
  const over = (): void => void (isOver = true);
  work.then(over, over);
  await asked;
  t.mock.timers.tick(msMax - 1);
  await turn();
  assert.equal(isOver, false);
  t.mock.timers.tick(1);
}

describe('patience', () => {
  it('with an authority that does not give its list', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const asked = Promise.withResolvers<void>();
    const endpoint = await authority(t, () => asked.resolve());
    const node = { config: { crl_url: `${endpoint}/v1/crl` }, rootPem: mesh.rootPem, mesh: mesh.mesh };
    const list = revocationByAuthority(node as Partial<EnrolledNode> as EnrolledNode);
    await outlast(t, list, asked.promise, LIST_MS_MAX);
    await assert.rejects(list, { code: 'ERR_UNREACHABLE', message: /no answer within 5 s/ });
  });

  it('with a node that neither says hello nor closes', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const server = createTcpServer((socket) => {
      t.after(() => socket.destroy());
    });
    t.after(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { tls } = await mesh.member();
    const connected = once(server, 'connection');
    const dial = dialForHello(`127.0.0.1:${(server.address() as { port: number }).port}`, tls);
    await outlast(t, dial, connected, PROBE_DIAL_MS_MAX);
    assert.equal(await dial, 'silence');
  });

  it('of a command with the authority that it calls', async (t) => {
    const directory = join(tempDir(t), 'ca');
    await initAuthority({ directory, mesh: 'depot', passphrase: passphrase() });
    const asked = Promise.withResolvers<void>();
    const server = createHttpServer((request, response) => {
      if (request.url === '/healthz') response.end('{}');
      else asked.resolve();
    });
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    await once(server.listen(controlSocketOf(directory)), 'listening');
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const options = { directory, environment: {}, passphrase: async () => passphrase() };
    const call = withAuthority(options, (desk) => desk.call(z.unknown(), { method: 'GET', path: '/v1/nodes' }));
    await outlast(t, call, asked.promise, AUTHORITY_CALL_MS_MAX);
    await assert.rejects(call, { code: 'ERR_UNREACHABLE', message: /no answer within 60 s/ });
  });

  it('has an end with an answer to an enrolment that does not end', async (t) => {
    let bytes = ENROLLMENT_BYTES_MAX + 1;
    const endpoint = await authority(t, (_request, response) => response.end(' '.repeat(bytes)));
    const ticket = renderTicket({
      format: TICKET_FORMAT,
      mesh: mesh.mesh,
      endpoint,
      trust_anchor: mesh.rootPem,
      token: 'secret',
      expires_at: '2100-01-01T00:00:00Z',
      bootstrap_peers: [],
    });
    const directory = join(tempDir(t), 'node');
    const enroll = () => enrollNode({ directory, ticket, passphrase: passphrase() });
    await assert.rejects(enroll(), { code: 'ERR_REMOTE', message: /longer than/ });
    bytes = ENROLLMENT_BYTES_MAX;
    await assert.rejects(enroll(), { code: 'ERR_REMOTE' }, 'it was read, and is no answer');
  });
});
