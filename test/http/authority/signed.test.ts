import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as ask } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { AccessKeyResponse } from '../../../src/api/authority.ts';
import { problemSchema } from '../../../src/api/problem.ts';
import { HOUR_MS, MINUTE_MS } from '../../../src/base/time.ts';
import type { RunningAuthority } from '../../../src/daemon/authority/run.ts';
import { authorityLayout } from '../../../src/daemon/directory.ts';
import { type AccessKey, sigV4aPrivateKey } from '../../../src/message/request/signing-key.ts';
import { BODY_BYTES_MAX } from '../../../src/http/server.ts';
import { PASSPHRASE, restartAuthority, startAuthority } from '../../support/processes/authority-process.ts';
import { botocore, type BotocoreWish, signedByBotocore } from '../../support/foreign/botocore.ts';
import { chainmail, LongCommand, type ToldError } from '../../support/processes/chainmail.ts';
import { type SmithyRequest, smithySigner } from '../../message/request/smithy.ts';

const folder = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
const directory = join(folder, 'ca');
const passphraseFile = join(folder, 'passphrase');
writeFileSync(passphraseFile, PASSPHRASE);
const authorities = getCACertificates();
let running: RunningAuthority;

before(async () => {
  running = await startAuthority(directory);
  // As any program of the machine would: `fetch` takes no certificates of its own.
  setDefaultCACertificates([...authorities, readFileSync(authorityLayout(directory).rootCertificate, 'utf8')]);
});
after(async () => {
  setDefaultCACertificates(authorities);
  await running.close();
  rmSync(folder, { recursive: true, force: true });
});

type Added = AccessKeyResponse & { readonly access_key_id: string; readonly secret_access_key: string };

async function admin(...words: readonly string[]): Promise<string> {
  const flags = ['--dir', directory, '--passphrase-file', passphraseFile, '--json'];
  const { code, stdout, stderr } = await chainmail(['admin', ...words, ...flags]);
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

async function addKey(name: string, ...options: readonly string[]): Promise<AccessKey> {
  const added = JSON.parse(await admin('add', name, ...options)) as Added;
  assert.deepEqual([added.service, added.region], ['chainmail', 'depot']);
  return { accessKeyId: added.access_key_id, secretAccessKey: added.secret_access_key };
}

interface Wish {
  readonly region?: string;
  readonly service?: string;
  readonly at?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly applyChecksum?: boolean;
}

/** Signs as AWS's own signer does. */
async function signed(key: AccessKey, path: string, body: unknown, wish: Wish = {}): Promise<SmithyRequest> {
  const { region = 'depot', service = 'chainmail', at = Date.now(), headers = {}, applyChecksum = true } = wish;
  const signer = smithySigner('sigv4a', { accessKey: key, region, service, applyChecksum });
  const request: SmithyRequest = {
    method: body === undefined ? 'GET' : 'POST',
    protocol: 'https:',
    hostname: new URL(running.url).hostname,
    path,
    query: {},
    headers: {
      host: new URL(running.url).host,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
  };
  const made: unknown = await signer.sign(request, { signingDate: new Date(at) });
  return made as SmithyRequest;
}

/** Over TLS, with what the platform has. */
async function send({ method, path, headers, body }: SmithyRequest): Promise<Response> {
  const { host: _, ...rest } = headers; // `fetch` writes it itself, and the same
  return fetch(new URL(path, running.url), {
    method,
    headers: rest,
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  });
}

async function refusal(request: SmithyRequest): Promise<readonly [number, string]> {
  const response = await send(request);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const problem = problemSchema.parse(await response.json());
  assert.equal(problem.status, response.status);
  return [response.status, problem.code];
}

/** As {@link send}, with another host than that of the address. @returns the status, and the code of a refusal. */
async function sendToHost({ path, headers }: SmithyRequest, host: string): Promise<readonly (number | string)[]> {
  const { hostname, port } = new URL(running.url);
  const call = ask({ hostname, port, servername: 'localhost', path, headers: { ...headers, host } });
  call.end();
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  answer.resume();
  const code = answer.headers['chainmail-error'];
  return [answer.statusCode ?? 0, ...(typeof code === 'string' ? [code] : [])];
}

const TICKET = { ttl_sec: 60 };
const withHeaders = (request: SmithyRequest, headers: Readonly<Record<string, string>>): SmithyRequest => ({
  ...request,
  headers: { ...request.headers, ...headers },
});

describe('an administrator with an access key and a signer of AWS', () => {
  it('reads and changes state', async () => {
    const key = await addKey('alice');
    const nodes = await send(await signed(key, '/v1/nodes', undefined));
    assert.equal(nodes.status, 200);
    assert.deepEqual(await nodes.json(), { nodes: [] });
    const ticket = await send(await signed(key, '/v1/tickets', TICKET));
    assert.equal(ticket.status, 201);
    const { id } = (await ticket.json()) as { readonly id: string };
    const audit = JSON.parse(
      (await chainmail(['audit', 'list', '--dir', directory, '--passphrase-file', passphraseFile, '--json'])).stdout,
    ) as { readonly entries: readonly { readonly action: string; readonly subject: string; readonly actor: string }[] };
    const entry = audit.entries.find(({ action, subject }) => action === 'ticket-created' && subject === id);
    assert.equal(entry?.actor, `administrator alice (${key.accessKeyId})`);
    assert.deepEqual(await refusal(await signed(key, '/v1/revoke', { node_id: 'n7' })), [404, 'ERR_REVOKE_UNKNOWN']);
  });

  it('is let in with botocore, the SDK for Python, too', { skip: botocore.skip }, async () => {
    const accessKey = await addKey('snake');
    const wish = { algorithm: 'sigv4a', accessKey, region: 'depot', service: 'chainmail' } as const;
    const nodes = { ...wish, method: 'GET', url: `${running.url}/v1/nodes` };
    const content = { body: JSON.stringify(TICKET), headers: { 'Content-Type': 'application/json' } };
    const ticket = { ...wish, method: 'POST', url: `${running.url}/v1/tickets`, ...content };
    const wishes: readonly BotocoreWish[] = [nodes, ticket, ticket, { ...nodes, algorithm: 'sigv4' }];
    const made = signedByBotocore(wishes.with(2, { ...ticket, body: '{}' }));
    const call = async (i: number): Promise<readonly [number, string | null]> => {
      const { url, method, body } = wishes[i] as BotocoreWish;
      const headers = made[i] as Record<string, string>;
      const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
      return [answer.status, answer.headers.get('chainmail-error')];
    };
    assert.deepEqual(await call(0), [200, null]);
    assert.deepEqual(await call(1), [201, null]);
    assert.deepEqual(await call(1), [403, 'ERR_REQUEST_REPLAYED']);
    assert.deepEqual(await call(2), [403, 'ERR_REQUEST_SIGNATURE'], 'signed for another body');
    assert.deepEqual(await call(3), [403, 'ERR_FORBIDDEN'], 'with SigV4 whoever verifies could sign');
  });

  it('may sign without the hash of the body in a header, for all regions, and for any name of the authority', async () => {
    const key = await addKey('wild');
    assert.equal((await send(await signed(key, '/v1/tickets', TICKET, { applyChecksum: false }))).status, 201);
    for (const region of ['*', 'de*', 'garage,depot'])
      assert.equal((await send(await signed(key, '/v1/nodes', undefined, { region }))).status, 200);
    const { port } = new URL(running.url);
    for (const host of [`localhost:${port}`, `authority.depot:${port}`, 'AUTHORITY.DEPOT']) {
      const request = await signed(key, '/v1/nodes', undefined, { headers: { host } });
      assert.deepEqual(await sendToHost(request, host), [200], host);
    }
  });

  it('is refused when replayed, and may say the same again with another nonce', async () => {
    const key = await addKey('repeat');
    const request = await signed(key, '/v1/tickets', TICKET);
    assert.equal((await send(request)).status, 201);
    assert.deepEqual(await refusal(request), [403, 'ERR_REQUEST_REPLAYED']);
    const read = await signed(key, '/v1/nodes', undefined);
    assert.deepEqual([(await send(read)).status, (await send(read)).status], [200, 200]);
    const at = Date.now();
    for (const nonce of ['1', '2'])
      assert.equal(
        (await send(await signed(key, '/v1/tickets', TICKET, { at, headers: { 'x-chainmail-nonce': nonce } }))).status,
        201,
      );
    // What was refused for its content is spent as well.
    const unknown = await signed(key, '/v1/revoke', { node_id: 'n7' });
    assert.deepEqual(await refusal(unknown), [404, 'ERR_REVOKE_UNKNOWN']);
    assert.deepEqual(await refusal(unknown), [403, 'ERR_REQUEST_REPLAYED']);
  });

  it('is refused when re-dated, re-regioned, re-hosted, added to or changed, each with its own code', async () => {
    const key = await addKey('mallory');
    const request = await signed(key, '/v1/tickets', TICKET);
    const cases: readonly (readonly [string, SmithyRequest, readonly [number, string]])[] = [
      [
        'an old one',
        await signed(key, '/v1/tickets', TICKET, { at: Date.now() - 6 * MINUTE_MS }),
        [401, 'ERR_REQUEST_SKEW'],
      ],
      [
        'one of the future',
        await signed(key, '/v1/tickets', TICKET, { at: Date.now() + 6 * MINUTE_MS }),
        [401, 'ERR_REQUEST_SKEW'],
      ],
      [
        'an old one with the date of today',
        withHeaders(await signed(key, '/v1/tickets', TICKET, { at: Date.now() - 48 * HOUR_MS }), {
          'x-amz-date': request.headers['x-amz-date'] as string,
        }),
        [403, 'ERR_REQUEST_SCOPE'],
      ],
      ['another region', await signed(key, '/v1/tickets', TICKET, { region: 'garage' }), [403, 'ERR_REQUEST_REGION']],
      ['the region set changed', withHeaders(request, { 'x-amz-region-set': '*' }), [403, 'ERR_REQUEST_SIGNATURE']],
      ['another service', await signed(key, '/v1/tickets', TICKET, { service: 's3' }), [403, 'ERR_REQUEST_SCOPE']],
      ['a header added', withHeaders(request, { 'x-amz-acl': 'public' }), [403, 'ERR_REQUEST_UNSIGNED_HEADER']],
      ['a nonce added', withHeaders(request, { 'x-chainmail-nonce': '1' }), [403, 'ERR_REQUEST_UNSIGNED_HEADER']],
      ['another body', { ...request, body: Buffer.from('{"ttl_sec":61}') }, [403, 'ERR_REQUEST_SIGNATURE']],
      ['another path', { ...request, path: '/v1/revoke' }, [403, 'ERR_REQUEST_SIGNATURE']],
      [
        'no hash of the body',
        await signed(key, '/v1/tickets', TICKET, { headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }),
        [403, 'ERR_REQUEST_UNSIGNED_PAYLOAD'],
      ],
      [
        'another key',
        await signed({ ...key, accessKeyId: 'CMAKAAAAAAAAAAAAAAAA' }, '/v1/tickets', TICKET),
        [403, 'ERR_REQUEST_SIGNATURE'],
      ],
      [
        'a guessed secret',
        await signed({ ...key, secretAccessKey: 'guess' }, '/v1/tickets', TICKET),
        [403, 'ERR_REQUEST_SIGNATURE'],
      ],
      [
        'nothing to read',
        withHeaders(request, { authorization: 'AWS4-ECDSA-P256-SHA256' }),
        [400, 'ERR_REQUEST_MALFORMED'],
      ],
      ['another scheme', withHeaders(request, { authorization: 'Bearer abc' }), [401, 'ERR_CREDENTIAL_REQUIRED']],
    ];
    for (const [what, changed, expected] of cases) assert.deepEqual(await refusal(changed), expected, what);
    assert.equal((await send(request)).status, 201, 'none of them has spent the request itself');

    const elsewhere = await signed(key, '/v1/nodes', undefined, { headers: { host: 'ca.other.example' } });
    assert.deepEqual(await sendToHost(elsewhere, 'ca.other.example'), [403, 'ERR_REQUEST_HOST']);
  });

  it('is asked for its body when the rest holds, and told why not where it does not', async () => {
    const key = await addKey('careful');
    const asked = async (request: SmithyRequest, headers: Record<string, string | number>, body?: Buffer) => {
      const { hostname, port } = new URL(running.url);
      const { path, method } = request;
      const call = ask({ hostname, port, path, method, headers: { ...request.headers, ...headers } });
      call.flushHeaders();
      let isAsked = false;
      call.once('continue', () => {
        isAsked = true;
        call.end(body);
      });
      const [answer] = (await once(call, 'response')) as [IncomingMessage];
      answer.resume();
      call.destroy();
      return [isAsked, answer.statusCode, answer.headers['chainmail-error']];
    };
    const expecting = { expect: '100-continue', 'transfer-encoding': 'chunked' };
    const good = await signed(key, '/v1/tickets', TICKET);
    assert.deepEqual(await asked(good, expecting, Buffer.from(JSON.stringify(TICKET))), [true, 201, undefined]);
    assert.deepEqual(await asked(await signed(key, '/v1/tickets', TICKET, { region: 'garage' }), expecting), [
      false,
      403,
      'ERR_REQUEST_REGION',
    ]);
    const next = await signed(key, '/v1/tickets', TICKET);
    const large = Buffer.alloc(BODY_BYTES_MAX + 1, ' ');
    assert.deepEqual(await asked(next, expecting, large), [true, 413, 'ERR_BODY_TOO_LARGE']);
    const sized = { expect: '100-continue', 'content-length': large.length };
    assert.deepEqual(await asked(next, sized), [false, 413, 'ERR_BODY_TOO_LARGE']);
  });

  it('cannot sign with the shared secret of SigV4', async () => {
    const key = await addKey('shared');
    const signer = smithySigner('sigv4', {
      accessKey: key,
      region: 'depot',
      service: 'chainmail',
      applyChecksum: true,
    });
    const request = await signer.sign({
      method: 'GET',
      protocol: 'https:',
      hostname: new URL(running.url).hostname,
      path: '/v1/nodes',
      query: {},
      headers: { host: new URL(running.url).host },
    });
    assert.deepEqual(await refusal(request as SmithyRequest), [403, 'ERR_FORBIDDEN']);
  });

  it('who is auditor reads everything and changes nothing', async () => {
    const key = await addKey('eve', '--role', 'auditor');
    for (const path of ['/v1/nodes', '/v1/tickets', '/v1/audit', '/v1/administrators'])
      assert.equal((await send(await signed(key, path, undefined))).status, 200, path);
    for (const path of ['/v1/tickets', '/v1/revoke', '/v1/access-keys', '/v1/recovery/epoch'])
      assert.deepEqual(await refusal(await signed(key, path, {})), [403, 'ERR_FORBIDDEN'], path);
    const words = ['admin', 'add', 'x', '--role', 'operator', '--json'];
    const { code, stdout } = await chainmail([...words, '--dir', directory, '--passphrase-file', passphraseFile]);
    assert.deepEqual([code, (JSON.parse(stdout) as ToldError).error.code], [1, 'ERR_INPUT']);
  });

  it('is listed, and ends with its credentials', async () => {
    const [first, second] = [await addKey('zoe'), await addKey('zoe')];
    interface Listed {
      readonly administrators: readonly { readonly name: string; readonly id: string; readonly status: string }[];
    }
    const list = async () => (JSON.parse(await admin('list')) as Listed).administrators;
    assert.deepEqual(
      (await list()).filter(({ name }) => name === 'zoe').map(({ id }) => id),
      [first.accessKeyId, second.accessKeyId],
    );
    assert.ok(
      (await list()).some(({ name }) => name === 'admin'),
      'the certificate that init made',
    );
    await admin('remove', first.accessKeyId);
    assert.deepEqual(await refusal(await signed(first, '/v1/nodes', undefined)), [403, 'ERR_REQUEST_SIGNATURE']);
    assert.equal((await send(await signed(second, '/v1/nodes', undefined))).status, 200);
    assert.deepEqual(JSON.parse(await admin('remove', 'zoe')), {
      ok: true,
      access_key_ids: [second.accessKeyId],
      serials: [],
    });
    assert.deepEqual(await refusal(await signed(second, '/v1/nodes', undefined)), [403, 'ERR_REQUEST_SIGNATURE']);
    assert.equal(
      (await list()).some(({ name }) => name === 'zoe'),
      false,
    );
  });
});

describe('the memory of spent requests', () => {
  it('survives a restart', async () => {
    const key = await addKey('patient');
    const request = await signed(key, '/v1/tickets', TICKET);
    assert.equal((await send(request)).status, 201);
    const { port } = new URL(running.url);
    await running.close();
    running = await restartAuthority(directory, { listen: `127.0.0.1:${port}` });
    assert.deepEqual(await refusal(request), [403, 'ERR_REQUEST_REPLAYED']);
    assert.equal(
      (await send(await signed(key, '/v1/tickets', TICKET, { headers: { 'x-chainmail-nonce': '9' } }))).status,
      201,
    );
  });

  it('survives kill -9, right after the answer', async () => {
    const key = await addKey('hasty'); // while it runs
    await running.close();
    const later = await addKey('offline'); // and while it does not
    const run = ['authority', 'run', '--dir', directory, '--passphrase-file', passphraseFile, '--json'];
    const start = (listen: string) => new LongCommand([...run, '--listen', listen]);
    const { port } = new URL(running.url);
    const first = start('127.0.0.1:0');
    running = { ...running, url: (await first.json<{ readonly url: string }>()).url };
    const requests = [await signed(key, '/v1/tickets', TICKET), await signed(later, '/v1/tickets', TICKET)];
    for (const request of requests) assert.equal((await send(request)).status, 201);
    await first.end('SIGKILL');

    // On the same port, because the request names it.
    const second = start(new URL(running.url).host);
    try {
      await second.json();
      for (const request of requests) assert.deepEqual(await refusal(request), [403, 'ERR_REQUEST_REPLAYED']);
    } finally {
      await second.end();
      running = await restartAuthority(directory, { listen: `127.0.0.1:${port}` });
    }
  });

  it('holds public keys only: the secret is in no file of the authority', async () => {
    const key = await addKey('secretive');
    await send(await signed(key, '/v1/tickets', TICKET));
    const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name));
    const plain = files.filter((path) => statSync(path).isFile());
    using scalar = sigV4aPrivateKey(key);
    const needles = scalar.use((bytes) => [
      Buffer.from(key.secretAccessKey),
      Buffer.from(bytes),
      Buffer.from(bytes.toHex()),
    ]);
    let hasId = false;
    for (const path of plain) {
      const content = readFileSync(path);
      hasId ||= content.includes(key.accessKeyId);
      for (const needle of needles) assert.equal(content.includes(needle), false, path);
    }
    assert.equal(hasId, true, 'the id is there, so we have looked in the right place');
  });
});
