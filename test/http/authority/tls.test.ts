import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { problemSchema } from '../../../src/api/problem.ts';
import { textOfUtf8 } from '../../../src/base/bytes.ts';
import type { RunningAuthority } from '../../../src/daemon/authority/run.ts';
import { authorityLayout } from '../../../src/daemon/directory.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { exchange } from '../../../src/host/http/client.ts';
import { missing } from '../../support/foreign/programs.ts';
import { startAuthority } from '../../support/processes/authority-process.ts';

const run = promisify(execFile);
const OPENSSL = { skip: missing('openssl') };

const folder = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
const directory = join(folder, 'ca');
const layout = authorityLayout(directory);
let running: RunningAuthority;
let foreign: RunningAuthority;
before(async () => {
  running = await startAuthority(directory);
  foreign = await startAuthority(join(folder, 'foreign'), { mesh: 'depot' });
});
after(async () => {
  await running.close();
  await foreign.close();
  rmSync(folder, { recursive: true, force: true });
});

const read = (path: string): string => readFileSync(path, 'utf8');
const admin = () => ({ certificate: read(layout.adminCertificate), key: read(layout.adminKey) });

function dial(options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port: Number(new URL(running.url).port), ...options });
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

function ask(path: string, client?: { certificate: string; key: string }, body?: unknown) {
  return exchange(
    {
      tag: 'tls',
      endpoint: running.url,
      trustAnchors: [read(layout.rootCertificate)],
      ...(client === undefined ? {} : { client }),
    },
    { method: body === undefined ? 'GET' : 'POST', path, body },
  );
}

async function codeOf(answer: ReturnType<typeof ask>): Promise<[number, string]> {
  const { status, body } = await answer;
  return [status, problemSchema.parse(JSON.parse(textOfUtf8(body))).code];
}

describe('the authority over TLS', () => {
  it('speaks TLS 1.3 with a hybrid key exchange, and nothing older', async () => {
    const socket = await dial({ ca: read(layout.rootCertificate) });
    assert.equal(socket.getProtocol(), 'TLSv1.3');
    assert.equal((socket.getEphemeralKeyInfo() as { name?: string }).name, 'X25519MLKEM768');
    socket.destroy();
    await assert.rejects(dial({ ca: read(layout.rootCertificate), maxVersion: 'TLSv1.2' }), {
      code: /PROTOCOL_VERSION|ECONNRESET/,
    });
    const classical = await dial({ ca: read(layout.rootCertificate), ecdhCurve: 'P-256' });
    assert.equal((classical.getEphemeralKeyInfo() as { name?: string }).name, 'prime256v1');
    classical.destroy();
  });

  it('is known by its mesh name, its address and localhost, and by no other anchor', async () => {
    for (const servername of ['authority.depot', 'localhost']) {
      const socket = await dial({ ca: read(layout.rootCertificate), servername });
      assert.equal(socket.authorized, true);
      socket.destroy();
    }
    const wrong = {
      tag: 'tls',
      endpoint: running.url,
      trustAnchors: [read(authorityLayout(join(folder, 'foreign')).rootCertificate)],
    } as const;
    await assert.rejects(exchange(wrong, { method: 'GET', path: '/healthz' }), {
      code: 'ERR_UNREACHABLE',
      hint: /trust anchor/,
    });
  });

  it('gives no session to resume: a resumed one would show no chain to judge (T13)', async () => {
    const socket = await dial({ ca: read(layout.rootCertificate), ...clientOf(admin()) });
    let session: Buffer | undefined;
    socket.on('session', (given: Buffer) => {
      session = given;
    });
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    const again = await dial({ ca: read(layout.rootCertificate), ...(session === undefined ? {} : { session }) });
    assert.equal(again.isSessionReused(), false);
    again.destroy();
  });

  it('asks an administrator for a certificate, and takes none of a stranger (S1.100)', async () => {
    const body = { node_id: 'nobody' };
    assert.deepEqual(await codeOf(ask('/v1/revoke', undefined, body)), [401, 'ERR_CREDENTIAL_REQUIRED']);
    assert.deepEqual(await codeOf(ask('/v1/revoke', admin(), body)), [404, 'ERR_REVOKE_UNKNOWN']);
    const other = authorityLayout(join(folder, 'foreign'));
    const stranger = { certificate: read(other.adminCertificate), key: read(other.adminKey) };
    assert.deepEqual(await codeOf(ask('/v1/revoke', stranger, body)), [403, 'ERR_PATH_NO_ANCHOR']);
  });

  it('is not fooled by an administrator’s certificate behind a leaf of one’s own (T14)', OPENSSL, async () => {
    const key = join(folder, 'thief.key');
    const leaf = join(folder, 'thief.pem');
    await openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key);
    await openssl('req', '-new', '-x509', '-key', key, '-subj', '/CN=admin', '-days', '1', '-out', leaf);
    const thief = { certificate: read(leaf) + read(layout.adminCertificate), key: read(key) };
    const [status] = await codeOf(ask('/v1/revoke', thief, { node_id: 'x' }));
    assert.equal(status, 403);
  });

  it('takes an administrator’s leaf without its issuer', async () => {
    const { certificate, key } = admin();
    const leaf = certificate.slice(0, certificate.indexOf('-----END CERTIFICATE-----') + 26);
    assert.equal((await ask('/v1/nodes', { certificate: leaf, key })).status, 200);
  });

  it('answers 413 by the length that is claimed, before the body has come', async () => {
    const socket = await dial({ ca: read(layout.rootCertificate) });
    socket.write(
      'POST /v1/enroll HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n',
    );
    const [first] = (await once(socket, 'data')) as [Buffer];
    assert.match(first.toString(), /^HTTP\/1\.1 413 /);
    assert.match(first.toString(), /ERR_BODY_TOO_LARGE/);
    socket.destroy();
  });

  it('answers a body in pieces that grows too large with 413 as well', async () => {
    const socket = await dial({ ca: read(layout.rootCertificate) });
    socket.on('error', () => {});
    socket.write(
      'POST /v1/enroll HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
    for (let i = 0; i < 6; i++) socket.write(chunk);
    const [first] = (await once(socket, 'data')) as [Buffer];
    assert.match(first.toString(), /^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  it('answers what is no HTTP, and headers beyond measure, with a problem, and closes', async () => {
    for (const [bytes, status] of [
      ['this is no request\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
      ['GET /healthz HTTP/1.1\r\n\r\n', 400],
      ['GET /healthz HTTP/1.1\r\nhost: x\r\nhost: y\r\nconnection: close\r\n\r\n', 400],
      ['GET /healthz\r\n\r\n', 400],
      ['GET /healthz HTTP/2.0\r\nhost: x\r\nconnection: close\r\n\r\n', 400],
      ['POST /v1/enroll HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400],
      ['POST /v1/enroll HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde', 400],
      ['POST /v1/enroll HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n', 400],
      ['GET /healthz HTTP/1.1\r\nhost: x\r\na: b\r\n c\r\n\r\n', 400],
      ['GET /healthz HTTP/1.1\nhost: x\n\n', 400],
    ] as const) {
      const socket = await dial({ ca: read(layout.rootCertificate) });
      const parts: Buffer[] = [];
      socket.on('data', (part: Buffer) => parts.push(part)).on('error', () => {});
      socket.write(bytes);
      await once(socket, 'close');
      assert.match(Buffer.concat(parts).toString(), new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });

  it('outlives clients that speak no TLS', async () => {
    const port = Number(new URL(running.url).port);
    for (const bytes of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(5_000, 0x16),
      Buffer.from([0x16, 3, 1, 0xff, 0xff]),
    ]) {
      const socket = connectTcp(port, '127.0.0.1').on('error', () => {});
      socket.end(bytes);
      socket.resume();
      await once(socket, 'close');
    }
    assert.equal((await ask('/healthz')).status, 200);
  });

  it('serves its owner on the control socket as administrator, and nobody else', async () => {
    const path = controlSocketOf(directory);
    assert.equal((await exchange({ tag: 'socket', path }, { method: 'GET', path: '/v1/nodes' })).status, 200);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(directory).mode & 0o077, 0);
  });
});

describe('curl and openssl', { skip: missing('openssl', 'curl') }, () => {
  it('read the revocation list, and check a chain against it', async () => {
    const list = join(folder, 'crl.pem');
    await curl('-H', 'accept: application/x-pem-file', '-o', list, `${running.url}/v1/crl`);
    await openssl('crl', '-in', list, '-noout', '-CAfile', layout.caCertificates, '-verify');
    const der = join(folder, 'crl.der');
    await curl('-o', der, `${running.url}/v1/crl`);
    await openssl('crl', '-inform', 'DER', '-in', der, '-noout');
    const text = await openssl(
      'verify',
      '-CAfile',
      layout.caCertificates,
      '-CRLfile',
      list,
      '-crl_check',
      layout.adminCertificate,
    );
    assert.match(text, /OK/);
    const serial = /serial=([0-9A-F]+)/.exec(
      await openssl('x509', '-in', layout.adminCertificate, '-noout', '-serial'),
    )?.[1];
    const credential = ['--cert', layout.adminCertificate, '--key', layout.adminKey];
    const body = ['-H', 'content-type: application/json', '-d', JSON.stringify({ serial, reason: 'keyCompromise' })];
    const status = await curl(
      ...credential,
      ...body,
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      `${running.url}/v1/revoke`,
    );
    assert.equal(status, '204');
    await curl('-H', 'accept: application/x-pem-file', '-o', list, `${running.url}/v1/crl`);
    const check = ['-CAfile', layout.caCertificates, '-CRLfile', list, '-crl_check', layout.adminCertificate];
    await assert.rejects(openssl('verify', ...check), /certificate revoked/);
    assert.deepEqual(await codeOf(ask('/v1/nodes', admin())), [403, 'ERR_PATH_REVOKED']);
  });
});

function clientOf({ certificate, key }: { certificate: string; key: string }): ConnectionOptions {
  return { cert: certificate, key };
}

async function openssl(...args: string[]): Promise<string> {
  return (await run('openssl', args)).stdout;
}

async function curl(...args: string[]): Promise<string> {
  // Not synchronously: the server that is to answer lives in this very process.
  const { stdout } = await run('curl', ['-sS', '--cacert', layout.rootCertificate, '-m', '10', ...args]);
  return stdout;
}
