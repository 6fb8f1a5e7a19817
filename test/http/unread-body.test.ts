import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { MeshError } from '../../src/base/errors.ts';
import { authorityLayout } from '../../src/daemon/directory.ts';
import { createHttpApp, type HttpApp } from '../../src/http/server.ts';
import { UNREAD_BODY_BYTES_MAX } from '../../src/http/unread-body.ts';
import { suiteAuthority } from '../support/processes/authority-process.ts';
import { missing } from '../support/foreign/programs.ts';

const run = promisify(execFile);
const KIB = 1024;
const SIZES = [65 * KIB, 1024 * KIB, 10 * 1024 * KIB] as const;

let app: HttpApp;
let bodies = 0;
before(async () => {
  app = await createHttpApp({ createServer, rate: undefined });
  app.post('/open', async () => {
    bodies++;
    return { ok: true };
  });
  const preParsing = async (): Promise<void> => {
    throw new MeshError('ERR_CREDENTIAL_REQUIRED', 'who are you');
  };
  app.post('/closed', { preParsing }, async () => ({}));
  await app.listen({ host: '127.0.0.1', port: 0 });
});
after(() => app.close());

async function open(): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: (app.server.address() as AddressInfo).port });
  await once(socket, 'connect');
  return socket;
}

const head = (path: string, ...headers: readonly string[]): string =>
  [`POST ${path} HTTP/1.1`, 'host: x', 'content-type: application/json', ...headers, '', ''].join('\r\n');

/** Writes all of it before a byte is read, as simple clients do. @returns all that was answered until the end. */
async function writeThenRead(...parts: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = await open();
  socket.pause();
  for (const part of parts)
    await new Promise<void>((resolve, reject) => {
      socket.write(part, (error) => (error === null || error === undefined ? resolve() : reject(error)));
    });
  const answer: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => answer.push(bytes)).resume();
  await once(socket, 'close');
  return Buffer.concat(answer).toString();
}

describe('a request that is refused before its body was read', () => {
  for (const bytes of SIZES) {
    it(`${bytes} bytes with their length: the client reads 413`, async () => {
      const answer = await writeThenRead(
        head('/open', `content-length: ${bytes}`, 'connection: close'),
        new Uint8Array(bytes),
      );
      assert.match(answer, /^HTTP\/1\.1 413 .*\r\n\r\n\{.*ERR_BODY_TOO_LARGE.*\}$/s);
    });

    it(`${bytes} bytes in chunks: the client reads 413`, async () => {
      const chunk = Buffer.concat([Buffer.from('4000\r\n'), new Uint8Array(0x4000), Buffer.from('\r\n')]);
      const chunks = Array<Uint8Array>(Math.ceil(bytes / 0x4000)).fill(chunk);
      const answer = await writeThenRead(
        head('/open', 'transfer-encoding: chunked', 'connection: close'),
        ...chunks,
        '0\r\n\r\n',
      );
      assert.match(answer, /^HTTP\/1\.1 413 .*ERR_BODY_TOO_LARGE/s);
    });

    it(`${bytes} bytes where a credential was missing: the client reads that`, async () => {
      const answer = await writeThenRead(
        head('/closed', `content-length: ${bytes}`, 'connection: close'),
        new Uint8Array(bytes),
      );
      assert.match(answer, /^HTTP\/1\.1 401 /);
    });
  }

  it('a body without end is read for a while and not for ever', async () => {
    const socket = await open();
    socket.on('error', () => {});
    socket.write(head('/open', `content-length: ${100 * UNREAD_BODY_BYTES_MAX}`));
    const piece = new Uint8Array(1024 * KIB);
    const answer: Buffer[] = [];
    socket.on('data', (bytes: Buffer) => answer.push(bytes));
    const pump = (): void => {
      while (!socket.destroyed && socket.write(piece));
      socket.once('drain', pump);
    };
    pump();
    await new Promise((resolve) => socket.once('close', resolve)); // reset, perhaps
    assert.ok(socket.bytesWritten < 4 * UNREAD_BODY_BYTES_MAX, `${socket.bytesWritten} bytes were taken`);
  });
});

describe('a client that asks before it sends its body (RFC 9110 section 10.1.1)', () => {
  const ask = async (path: string, ...headers: readonly string[]): Promise<string> => {
    const socket = await open();
    socket.write(head(path, 'expect: 100-continue', ...headers));
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return bytes.toString();
  };

  it('is told to go on where it may', async () => {
    const before = bodies;
    const socket = await open();
    socket.write(head('/open', 'expect: 100-continue', 'content-length: 2', 'connection: close'));
    assert.equal(String((await once(socket, 'data'))[0]), 'HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('{}');
    assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /);
    assert.equal(bodies, before + 1);
  });

  it('and refused at once where it may not, without 100 first', async () => {
    assert.match(await ask('/open', `content-length: ${65 * KIB}`), /^HTTP\/1\.1 413 .*connection: close/s);
    assert.match(await ask('/closed', 'content-length: 2'), /^HTTP\/1\.1 401 .*connection: close/s);
    assert.match(await ask('/nowhere', `content-length: ${65 * KIB}`), /^HTTP\/1\.1 413 .*connection: close/s);
    assert.match(await ask('/nowhere', 'content-length: 2'), /^HTTP\/1\.1 100 /);
  });
});

describe('curl, at the authority’s port', { skip: missing('curl') }, () => {
  const authority = suiteAuthority();
  const { folder, authorityDir } = authority;

  for (const bytes of SIZES)
    for (const [name, headers] of [
      ['as it is', []],
      ['without asking', ['-H', 'expect:']],
      ['in chunks', ['-H', 'transfer-encoding: chunked']],
      ['on a connection that ends', ['-H', 'connection: close', '-H', 'expect:']],
      ['in HTTP/1.0', ['--http1.0', '--no-alpn']],
    ] as const)
      it(`reads 413 for ${bytes} bytes ${name}`, async () => {
        const file = join(folder, 'body');
        writeFileSync(file, new Uint8Array(bytes));
        const base = ['-sS', '-m', '20', '-w', '\n%{http_code}', '-H', 'content-type: application/json'];
        const trust = ['--cacert', authorityLayout(authorityDir).rootCertificate];
        const body = ['--data-binary', `@${file}`, `${authority.url}/v1/enroll`];
        const { stdout } = await run('curl', [...base, ...trust, ...headers, ...body]);
        assert.match(stdout, /ERR_BODY_TOO_LARGE.*\n413$/s);
      });
});
