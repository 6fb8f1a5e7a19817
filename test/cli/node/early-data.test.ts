import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { concatBytes, utf8 } from '../../../src/base/bytes.ts';
import { readOnly } from '../../../src/codec/der-reader.ts';
import { contextTag } from '../../../src/codec/der-tag.ts';
import { context, sequence, unsignedInteger } from '../../../src/codec/der-writer.ts';
import { encodePem, parsePem } from '../../../src/codec/pem.ts';
import { missing } from '../../support/foreign/programs.ts';
import { frameBytes, hello, TYPE } from '../../support/hostile/hostile-link.ts';
import { suiteAuthority } from '../../support/processes/authority-process.ts';
import { NodeProcess } from '../../support/processes/node-process.ts';
import { type Outsider, outsiderOf } from '../../support/processes/outsider.ts';

const { folder, authorityDir } = suiteAuthority();
const outsider = outsiderOf(folder, authorityDir);

const LABEL = 'SSL SESSION PARAMETERS';

/** A session as OpenSSL keeps it, made to believe that its ticket is good for early data (`max_early_data`, `[15]`). */
function withEarlyData(pem: string): string {
  const fields = readOnly(parsePem(pem, LABEL)[0] as Uint8Array, (reader) => {
    const body = reader.sequence();
    const read: { readonly tag: number; readonly der: Uint8Array }[] = [];
    while (!body.isAtEnd) read.push({ tag: body.peek(), der: body.raw() });
    return read;
  });
  const at = fields.findIndex(({ tag }) => tag > contextTag(15, 'constructed'));
  const early = context(15, unsignedInteger(16_384));
  const ders = fields.map(({ der }) => der);
  return encodePem(LABEL, sequence(...ders.slice(0, at), early, ...ders.slice(at)));
}

/** `openssl s_client`: what it printed once the node had closed, or `isDone` was true of it. */
async function client(
  node: NodeProcess,
  member: Outsider,
  { alpn, say, isDone }: { alpn: string; say: Uint8Array; isDone: (text: string) => boolean },
  ...more: readonly string[]
): Promise<string> {
  const args = ['s_client', '-connect', node.ready.address, '-servername', `${node.nodeId}.depot`, '-ign_eof'];
  const child = spawn('openssl', [...args, '-alpn', alpn, ...member.files, ...more], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('latin1').on('data', (part: string) => {
      text += part;
      if (isDone(text)) child.kill();
    });
  child.stdin.on('error', () => {}).write(say);
  await once(child, 'close');
  return text;
}

const request = (path: string, more = ''): Uint8Array => utf8(`GET ${path} HTTP/1.1\r\nHost: node\r\n${more}\r\n`);
const LAST = request('/healthz', 'Connection: close\r\n');
const answers = (text: string): number => text.match(/\{"status":"ok"/g)?.length ?? 0;

describe('early data (RFC 8446 section 4.2.10), which no node gives leave for', { skip: missing('openssl') }, () => {
  let node: NodeProcess;
  let member: Outsider;
  before(async () => {
    node = await NodeProcess.enroll(folder, 'node', authorityDir);
    member = await outsider('hasty');
    // So that the first list, which ends all sessions, is there before them.
    node.crlPoll = '60s';
    await node.run();
    await node.untilEvent(
      async () => ((await node.ask({ method: 'GET', path: '/v1/status' })).json['crls'] as []).length > 0,
    );
  });

  after(() => node.end('SIGKILL'));

  /** Takes a session, and says something in the first flight of the connection that resumes it. */
  async function resumedWith(
    early: Uint8Array,
    talk: { readonly alpn: string; readonly say: Uint8Array; readonly isDone: (text: string) => boolean },
  ): Promise<string> {
    const [session, data] = [join(folder, 'session'), join(folder, 'early')];
    await client(node, member, talk, '-sess_out', session);
    writeFileSync(session, withEarlyData(readFileSync(session, 'utf8')));
    writeFileSync(data, early);
    return client(node, member, talk, '-sess_in', session, '-early_data', data);
  }

  it('a request in it is not answered; the one behind the handshake is', async () => {
    const http = { alpn: 'http/1.1', say: LAST, isDone: () => false };
    const both = concatBytes(request('/healthz'), LAST);
    assert.equal(answers(await client(node, member, { ...http, say: both })), 2, 'behind a handshake both are');
    const text = await resumedWith(request('/healthz'), http);
    assert.match(text, /^Reused, TLSv1\.3/m);
    assert.match(text, /Early data was rejected/);
    assert.equal(answers(text), 1);
  });

  it('a frame in it does not end the link; behind the handshake it does', async () => {
    const helloOf = ({ nodeId }: Outsider): Uint8Array =>
      frameBytes(hello({ nodeId, mesh: 'depot', certificate: '', key: '' }));
    const own = helloOf(member);
    const malformed = frameBytes([TYPE.ping, 'what a ping has not']);
    const ping = frameBytes([TYPE.ping]);
    const bye = frameBytes([TYPE.bye, 'malformed']);
    const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
    const pong = latin1(frameBytes([TYPE.pong]));
    const isEnded = (text: string): boolean => text.includes(latin1(bye));
    const link = { alpn: 'dadm-mesh/1', isDone: (text: string) => isEnded(text) || text.includes(pong) };
    const other = await outsider('careless'); // who is kept out for a while from then on
    assert.ok(isEnded(await client(node, other, { ...link, say: concatBytes(helloOf(other), malformed, ping) })));
    const text = await resumedWith(concatBytes(own, malformed), { ...link, say: concatBytes(own, ping) });
    assert.match(text, /Early data was rejected/);
    assert.ok(text.includes(pong) && !isEnded(text), text);
  });
});
