import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { request as requestHttps } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { ticketCreatedSchema } from '../../../src/api/authority.ts';
import { initAuthority } from '../../../src/daemon/authority/init.ts';
import { authorityLayout } from '../../../src/daemon/directory.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { exchange } from '../../../src/host/http/client.ts';
import { STRANGERS_MAX } from '../../../src/host/tls/strangers.ts';
import { csrPem, newSigner } from '../../support/mesh/authority-world.ts';
import { PASSPHRASE, passphrase, suiteAuthority } from '../../support/processes/authority-process.ts';
import { missing } from '../../support/foreign/programs.ts';
import { tempDir } from '../../support/temp-dir.ts';

const suite = suiteAuthority();
const { authorityDir: directory } = suite;
const port = (): number => Number(new URL(suite.url).port);

const rootPem = (): string => readFileSync(authorityLayout(directory).rootCertificate, 'utf8');

async function silent(localAddress: string): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port: port(), localAddress }).on('error', () => {});
  await once(socket, 'connect');
  return socket.resume();
}

async function silentAfterHandshake(localAddress: string): Promise<Socket> {
  const tcp = await silent(localAddress);
  const socket = connectTls({ socket: tcp, ca: rootPem(), servername: 'localhost' }).on('error', () => {});
  await once(socket, 'secureConnect');
  return socket.resume();
}

async function enrol(localAddress: string): Promise<number> {
  const answer = await exchange(
    { tag: 'socket', path: controlSocketOf(directory) },
    { method: 'POST', path: '/v1/tickets', body: {} },
  );
  const { token } = ticketCreatedSchema.parse(JSON.parse(Buffer.from(answer.body).toString())).ticket;
  const call = requestHttps(`https://127.0.0.1:${port()}/v1/enroll`, {
    method: 'POST',
    localAddress,
    agent: false,
    ca: rootPem(),
    headers: { 'content-type': 'application/json' },
  });
  call.end(JSON.stringify({ token, csr: await csrPem(newSigner()) }));
  const [response] = (await once(call, 'response')) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

/** A reset ends a connection too: whoever writes on while it is being closed meets one. */
const closed = async (sockets: readonly Socket[]): Promise<void> => {
  for (const socket of sockets)
    if (!socket.destroyed) await new Promise<void>((resolve) => socket.once('close', () => resolve()));
};

describe('T16: the authority’s port, among clients that mean no good', { concurrency: true }, () => {
  it('silent connections crowd out themselves, and honest ones enrol from anywhere', async () => {
    const sockets: Socket[] = [];
    for (let n = 0; n < STRANGERS_MAX + 88; n++) sockets.push(await silent('127.0.0.1'));
    assert.deepEqual([await enrol('127.0.0.2'), await enrol('127.0.0.1')], [200, 200]);
    await closed(sockets);
  });

  it('so do those that have done their handshake and ask nothing', async () => {
    const sockets: Socket[] = [];
    for (let n = 0; n < STRANGERS_MAX + 8; n++) sockets.push(await silentAfterHandshake('127.0.0.3'));
    assert.deepEqual([await enrol('127.0.0.2'), await enrol('127.0.0.3')], [200, 200]);
    await closed(sockets);
  });

  for (const [name, head, drip] of [
    ['head', 'GET /healthz HTTP/1.1\r\nhost: x\r\n', 'x: y\r\n'],
    [
      'body',
      'POST /v1/enroll HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\ncontent-type: application/json\r\n\r\n',
      ' ',
    ],
  ] as const)
    it(`a ${name} that comes a little at a time is not waited for`, async (t) => {
      const socket = await silentAfterHandshake('127.0.0.4');
      const timer = setInterval(() => socket.write(drip), 200);
      t.after(() => clearInterval(timer));
      socket.write(head);
      await closed([socket]);
    });

  it('an honest connection asks again and again', async () => {
    const tcp = connectTcp({ host: '127.0.0.1', port: port(), localAddress: '127.0.0.5' });
    const socket = connectTls({ socket: tcp, ca: rootPem(), servername: 'localhost' });
    await once(socket, 'secureConnect');
    for (let n = 0; n < 5; n++) {
      socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      assert.match(bytes.toString(), /^HTTP\/1\.1 200 /);
    }
    socket.destroy();
  });
});

describe('a process without descriptors left', { skip: missing('sh') }, () => {
  it('goes on: the authority answers again as soon as it has some', async (t) => {
    const dir = join(tempDir(t), 'ca');
    await initAuthority({ directory: dir, mesh: 'depot', passphrase: passphrase() });
    writeFileSync(join(dir, 'passphrase'), PASSPHRASE, { mode: 0o600 });
    const few = spawn('sh', ['-c', 'ulimit -n 60; exec "$@"', 'sh', process.execPath, MAIN, ...authorityRun(dir)], {
      env: { CHAINMAIL_LOG_LEVEL: 'error' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => few.kill('SIGKILL'));
    const ended = once(few, 'exit');
    const [line] = (await once(few.stdout, 'data')) as [Buffer];
    const { url } = JSON.parse(line.toString()) as { url: string };
    const target = {
      tag: 'tls',
      endpoint: url,
      trustAnchors: [readFileSync(authorityLayout(dir).rootCertificate, 'utf8')],
    } as const;
    const sockets: Socket[] = [];
    for (let n = 0; n < 150; n++) {
      const socket = connectTcp(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
      await once(socket, 'connect');
      sockets.push(socket.resume());
    }
    while (!sockets.some(({ destroyed }) => destroyed)) await pause(10); // one that could not be kept
    for (const socket of sockets) socket.destroy();
    while (!(await exchange(target, { method: 'GET', path: '/healthz' }).then(Boolean, () => false))) await pause(10);
    assert.equal((await exchange(target, { method: 'GET', path: '/healthz' })).status, 200);
    few.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });
});

const MAIN = fileURLToPath(new URL('../../../bin/chainmail.mjs', import.meta.url));
const authorityRun = (dir: string): readonly string[] => {
  return ['authority', 'run', '--dir', dir, '--listen', '127.0.0.1:0', '--json'];
};
