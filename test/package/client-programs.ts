import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { fromBase64, toHex } from '../../src/base/bytes.ts';
import type { connect } from '../../src/client/client.ts';
import type { UnixMs } from '../../src/base/time.ts';
import { encodePem } from '../../src/codec/pem.ts';
import { generateDelegateKey, delegateSignerOf } from '../../src/daemon/delegate/signer.ts';
import { renderStatement } from '../../src/message/statement-pem.ts';
import { createLog } from '../../src/daemon/log.ts';
import { makeToken } from '../../src/daemon/streams/author-files.ts';
import { runStreams } from '../../src/daemon/streams/run.ts';
import { controlSocketOf } from '../../src/host/http/control-socket.ts';
import { exchange } from '../../src/host/http/client.ts';
import { systemRandom } from '../../src/host/machine/system-random.ts';
import { openWalletFile } from '../../src/host/keys/wallet-file.ts';
import { sigV4aPublicKey } from '../../src/message/request/signing-key.ts';
import { ENVELOPE } from '../../src/message/river/envelope.ts';
import { addressText } from '../../src/message/river/wallet.ts';
import { REPOSITORY } from '../../tools/repository.ts';
import { smithySigner } from '../message/request/smithy.ts';
import { startAuthority } from '../support/processes/authority-process.ts';
import { NodeProcess } from '../support/processes/node-process.ts';
import { ALICE, eventBytes, seal } from '../support/river.ts';

/** With no types of Node.js at hand: a program need not have them. */
export function typesHold(empty: string, env: NodeJS.ProcessEnv): void {
  writeFileSync(join(empty, 'program.ts'), TYPED_PROGRAM);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', ''];
  const tsc = join(REPOSITORY, 'node_modules/.bin/tsc');
  const checked = spawnSync(tsc, [...options, 'program.ts'], { cwd: empty, env, encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stdout);
}

/** Each line that must not compile says so: it would be a fault if the types were not found at all. */
const TYPED_PROGRAM = `
import { connect, type MeshError, type VerifiedMessage } from 'chainmail/client';
import { Streams } from 'chainmail/streams';
import { MessageCheck, verifyRequest, verifyRiverEvent } from 'chainmail/verify';

const client = await connect({ directory: 'n1' });
const id: string = await client.publish({ type: 'indicator', payload: new Uint8Array(), ttlSeconds: 60 });
// @ts-expect-error there is no such member
client.publishAll();
// @ts-expect-error only \`connect\` makes one
new (await import('chainmail/client')).MeshClient('n1');
for await (const message of client.follow({ type: 'sensor/*', after: 'start', onRefused: ({ error }) => told(error) })) {
  const verified: VerifiedMessage = message;
  // @ts-expect-error what was signed stays as it is
  verified.origin = id;
}
function told({ code }: MeshError): string {
  return code;
}
// @ts-expect-error whom is it to believe?
new MessageCheck({ mesh: 'depot', now: 0 });
const request = { method: 'GET', target: '/', headers: [['host', 'a']], body: new Uint8Array() } as const;
// @ts-expect-error there is no secret to give
verifyRequest(request, { secret: 'x', region: 'depot', hosts: [], now: 0 });
// @ts-expect-error no such kind
await new Streams({ server: 'https://river.test' }).create('clouds');
// @ts-expect-error as of when?
verifyRiverEvent(new Uint8Array(), {});
`;

/** The programs of the pages, each named by its first line. */
function writePrograms(empty: string): void {
  const page = ['docs/CLIENT.md', 'docs/STREAMS.md']
    .map((name) => readFileSync(join(REPOSITORY, name), 'utf8'))
    .join('\n');
  for (const [, name = '', text = ''] of page.matchAll(/^```js\n\/\/ (\S+)\n([\s\S]*?)^```/gm))
    writeFileSync(join(empty, name), text);
}

export async function programsWork(t: TestContext, empty: string, env: NodeJS.ProcessEnv): Promise<void> {
  writePrograms(empty);
  const authorityDir = join(empty, 'authority');
  mkdirSync(authorityDir, { mode: 0o700 });
  const authority = await startAuthority(authorityDir);
  t.after(() => authority.close());
  const node = await NodeProcess.enroll(empty, 'n1', authorityDir);
  t.after(() => node.end('SIGKILL'));
  await node.run();
  const spawned = (...args: readonly string[]): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, [...args], { cwd: empty, env, signal: t.signal });
  const anchor = join(empty, 'anchor.pem');
  writeFileSync(anchor, readFileSync(join(node.dir, 'ca.pem')));

  assert.match((await spawned('say.mjs', node.dir, '21.5')).stdout, / is on the node’s disk\n$/);
  const device = await deviceOf(empty, authorityDir, node.nodeId);
  const listening = spawned('listen.mjs', node.dir, anchor);
  await node.untilEvent(() =>
    spawned('device.mjs', node.dir, device.statement, device.key).then(
      () => true,
      (error: unknown) => (assert.match(String(error), /ERR_DELEGATE_BRANCH/), false),
    ),
  );
  await spawned('say.mjs', node.dir, 'end');
  const heard = (await listening).stdout.trim().split('\n');
  assert.deepEqual(heard, [
    `${node.nodeId} says 21.5 (certificate)`,
    `${node.nodeId} says 22.0 (delegate)`,
    `${node.nodeId} says end (certificate)`,
  ]);

  const installed = (await import(pathToFileURL(join(empty, 'node_modules/chainmail/dist/client/client.js')).href)) as {
    readonly connect: typeof connect;
  };
  const client = await installed.connect({ directory: node.dir });
  const [message] = await Array.fromAsync(client.messages());
  writeFileSync(join(empty, 'message.cose'), message?.bytes ?? '');
  const target = { tag: 'tls', endpoint: authority.url, trustAnchors: [readFileSync(anchor, 'utf8')] } as const;
  writeFileSync(join(empty, 'crl.der'), (await exchange(target, { method: 'GET', path: '/v1/crl' })).body);
  const files = ['depot', anchor, 'crl.der', join(node.dir, 'node.pem'), 'message.cose'];
  assert.match((await spawned('check.mjs', ...files)).stdout, new RegExp(`^${node.nodeId} said sensor/temperature, `));
  await assert.rejects(spawned('check.mjs', 'elsewhere', ...files.slice(1)), /ERR_PATH_PROFILE|ERR_PATH_NO_ANCHOR/);

  const log = createLog('silent', 'stream');
  const directory = join(empty, 'streams');
  const served = await runStreams({ directory, listen: '127.0.0.1:0', forever: 'refused', needsSession: true, log });
  t.after(() => served.close());
  openWalletFile(join(empty, 'wallet.key'), systemRandom);
  makeToken(join(empty, 'wallet.key'), join(empty, 'token'), (Date.now() + 60_000) as UnixMs, systemRandom);
  const talked = (await spawned('talk.mjs', served.url, 'token')).stdout;
  assert.match(talked, /^(0x[0-9a-f]{40}), by a device: -\n\1, by a device: hello\nkept by 0x[0-9a-f]{40}\n$/);

  await gatewayWorks(t, empty, env);
  writeFileSync(join(empty, 'event'), ENVELOPE.encode(seal(ALICE, eventBytes())));
  assert.match(
    (await spawned('river.mjs', 'event')).stdout,
    new RegExp(`^0x[0-9a-f]{64} by ${addressText(ALICE.address)}\n`),
  );
}

/** A device with a key of its own, for which the authority vouches. @returns paths. */
async function deviceOf(empty: string, authorityDir: string, nodeId: string) {
  const pem = generateDelegateKey('P-256');
  const { key } = delegateSignerOf(pem);
  const body = { node_id: nodeId, curve: key.curve, public_key: toHex(key.bytes), scope: ['publish:sensor/*'] };
  const target = { tag: 'socket', path: controlSocketOf(authorityDir) } as const;
  const answer = await exchange(target, { method: 'POST', path: '/v1/delegates', body });
  const { statement } = JSON.parse(new TextDecoder().decode(answer.body)) as { statement: string };
  const files = { statement: join(empty, 'device.delegate'), key: join(empty, 'device.key') };
  writeFileSync(files.statement, renderStatement(fromBase64(statement)));
  writeFileSync(files.key, pem, { mode: 0o600 });
  return files;
}

/** Asked with what AWS's own signer for JavaScript signs. */
async function gatewayWorks(t: TestContext, empty: string, env: NodeJS.ProcessEnv): Promise<void> {
  const accessKey = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
  writeFileSync(join(empty, 'access.pem'), encodePem('PUBLIC KEY', sigV4aPublicKey(accessKey).spki));
  const gateway = spawn(process.execPath, ['gateway.mjs', 'access.pem'], { cwd: empty, env });
  t.after(() => gateway.kill('SIGKILL'));
  const port = Number(String(((await once(gateway.stdout, 'data')) as [Buffer])[0]));
  const options = { accessKey, service: 'chainmail', applyChecksum: true };
  const sign = (region: string, host: string) => {
    const request = {
      method: 'POST',
      protocol: 'http:',
      hostname: host,
      port,
      path: '/turn',
      query: { left: '1' },
      headers: { host: `${host}:${port}` },
      body: new TextEncoder().encode('now'),
    };
    return smithySigner('sigv4a', { ...options, region }).sign(request, {}) as Promise<{
      headers: Record<string, string>;
    }>;
  };
  const send = async ({ headers }: { headers: Record<string, string> }, body = 'now'): Promise<string> => {
    const sent = spawnSync(
      'curl',
      [
        '-s',
        `http://127.0.0.1:${port}/turn?left=1`,
        '-d',
        body,
        ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
      ],
      { encoding: 'utf8' },
    );
    return sent.stdout;
  };
  const right = await sign('depot', '127.0.0.1');
  assert.equal(await send(right, 'never'), 'ERR_REQUEST_SIGNATURE\n');
  assert.equal(await send(right), 'hello AKIDEXAMPLE\n');
  assert.equal(await send(right), 'REPLAY\n');
  assert.equal(await send(await sign('elsewhere', '127.0.0.1')), 'ERR_REQUEST_REGION\n');
  assert.equal(await send(await sign('depot', 'localhost')), 'ERR_REQUEST_HOST\n');
}
