import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { exchange } from '../../../src/host/http/client.ts';
import { suiteAuthority } from '../../support/processes/authority-process.ts';
import { type Outsider, outsiderOf } from '../../support/processes/outsider.ts';
import { NodeProcess } from '../../support/processes/node-process.ts';
import { missing } from '../../support/foreign/programs.ts';
import { RawTls } from '../../support/raw-tls.ts';

const { folder, authorityDir } = suiteAuthority();
const outsider = outsiderOf(folder, authorityDir);

/** The mesh's name as it stands in a hello: a text of five characters. It is in nothing else that openssl prints. */
const HELLO = '\x65depot';

interface Seen {
  readonly isReused: boolean;
  readonly isHelloHeard: boolean;
  readonly text: string;
}

/** `openssl s_client` speaking the protocol of links, until it has heard a hello or the node has closed. */
async function openssl(node: NodeProcess, member: Outsider, ...more: readonly string[]): Promise<Seen> {
  const args = ['s_client', '-connect', node.ready.address, '-servername', `${node.nodeId}.depot`];
  args.push('-alpn', 'dadm-mesh/1', ...member.files, ...more);
  const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  const isDone = (): boolean => text.includes(HELLO);
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('latin1').on('data', (part: string) => {
      text += part;
      if (isDone()) resolve();
    });
  const closed = once(child, 'close');
  await Promise.race([promise, closed]);
  child.stdin.on('error', () => {}).end('Q\n');
  await closed;
  return { isReused: /^Reused, TLSv1\.3/m.test(text), isHelloHeard: isDone(), text };
}

/** What the node says to a request over HTTP that resumes this session. */
async function httpWith(
  node: NodeProcess,
  member: Outsider,
  session: Buffer | undefined,
): Promise<{ readonly isReused: boolean; readonly answer: string; readonly session: Buffer | undefined }> {
  const connection = new RawTls(node.ready.address, member.tls, {
    ALPNProtocols: ['http/1.1'],
    servername: `${node.nodeId}.depot`,
    ...(session === undefined ? {} : { session }),
  });
  let given: Buffer | undefined;
  connection.socket.on('session', (ticket) => {
    given = ticket;
  });
  await connection.secured();
  const isReused = connection.socket.isSessionReused();
  connection.socket.write('GET /healthz HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n');
  const answer = new TextDecoder().decode(await connection.untilClosed());
  return { isReused, answer, session: given };
}

async function crlNumberOf(node: NodeProcess): Promise<number> {
  const { json } = await node.ask({ method: 'GET', path: '/v1/status' });
  const crls = json['crls'] as readonly { readonly number: number }[];
  return Math.max(0, ...crls.map(({ number }) => number));
}

/** Sessions from before the first list are not resumed after it. */
async function hasList(node: NodeProcess): Promise<void> {
  await node.untilEvent(async () => (await crlNumberOf(node)) > 0);
}

describe('sessions of processes', { skip: missing('openssl') }, () => {
  it('S1.28, S1.29, T13: a revoked node that kept its session is refused at every node, as link and over HTTP', async (t) => {
    const [a, b, messenger] = await Promise.all(
      ['a', 'b', 'messenger'].map((name) => NodeProcess.enroll(folder, name, authorityDir)),
    );
    assert.ok(a !== undefined && b !== undefined && messenger !== undefined);
    t.after(() => Promise.all([a, b, messenger].map((node) => node.end('SIGKILL'))));
    const [rogue, honest] = [await outsider('rogue'), await outsider('honest')];
    // Tickets of a and b live for a minute; the list gets there at once all the same, by way of a third node.
    a.crlPoll = b.crlPoll = '60s';
    for (const node of [a, b, messenger]) await node.run();
    await Promise.all([a.linkedWith(messenger), b.linkedWith(messenger)]);
    await Promise.all([a, b].map(hasList));

    const kept: { node: NodeProcess; file: string; honestFile: string; http: Buffer }[] = [];
    for (const node of [a, b]) {
      const file = join(folder, `${node.nodeId}.session`);
      const first = await openssl(node, rogue, '-sess_out', file);
      assert.ok(first.isHelloHeard && !first.isReused && existsSync(file), first.text);
      const again = await openssl(node, rogue, '-sess_in', file);
      assert.ok(again.isHelloHeard && again.isReused, again.text);
      assert.match(first.text, /ticket lifetime hint: 60 \(seconds\)/);
      assert.match(first.text, /Max Early Data: 0/);
      const { answer, session } = await httpWith(node, rogue, undefined);
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.ok(session !== undefined);
      const resumed = await httpWith(node, rogue, session);
      assert.ok(resumed.isReused && resumed.answer.startsWith('HTTP/1.1 200 '), resumed.answer);
      const honestFile = join(folder, `${node.nodeId}.honest`);
      await openssl(node, honest, '-sess_out', honestFile);
      kept.push({ node, file, honestFile, http: session });
    }

    const before = await crlNumberOf(a);
    const revoked = await exchange(
      { tag: 'socket', path: controlSocketOf(authorityDir) },
      { method: 'POST', path: '/v1/revoke', body: { node_id: rogue.nodeId } },
    );
    assert.ok(revoked.status < 300, new TextDecoder().decode(revoked.body));
    for (const { node } of kept) await node.untilEvent(async () => (await crlNumberOf(node)) > before);

    for (const { node, file, honestFile, http } of kept) {
      const link = await openssl(node, rogue, '-sess_in', file);
      assert.ok(!link.isReused && !link.isHelloHeard, link.text);
      const { isReused, answer } = await httpWith(node, rogue, http);
      assert.deepEqual([isReused, answer], [false, '']);
      // The others have to prove their keys again, and are let in.
      const full = await openssl(node, honest, '-sess_in', honestFile);
      assert.ok(!full.isReused && full.isHelloHeard, full.text);
    }
  });

  it('S1.28: a session of a process that was stopped is of no use, and the full handshake goes well', async (t) => {
    const node = await NodeProcess.enroll(folder, 'stopped', authorityDir);
    t.after(() => node.end('SIGKILL'));
    node.crlPoll = '60s';
    const member = await outsider('visitor');
    const { address } = await node.run();
    await hasList(node);
    const file = join(folder, 'stopped.session');
    await openssl(node, member, '-sess_out', file);
    assert.ok((await openssl(node, member, '-sess_in', file)).isReused);
    await node.end('SIGKILL');
    await node.run('--listen', address);
    const again = await openssl(node, member, '-sess_in', file);
    assert.ok(!again.isReused && again.isHelloHeard, again.text);
  });
});
