import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { chainmail, LongCommand } from '../../support/processes/chainmail.ts';
import { refused, told, withRecords } from './signer-command.ts';

describe('chainmail signer run', () => {
  async function serve(
    t: TestContext,
    dir: string,
    environment: NodeJS.ProcessEnv = {},
    ...more: string[]
  ): Promise<string> {
    const command = new LongCommand(
      ['signer', 'run', '--dir', dir, '--listen', '127.0.0.1:0', '--json', '--log-level', 'error', ...more],
      environment,
    );
    t.after(() => command.end('SIGKILL'));
    return (await command.json<{ readonly url: string }>()).url;
  }

  async function answer(
    url: string,
    init: RequestInit = {},
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(url, init);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  it('takes records, signs them, tells how many and which', async (t) => {
    const { dir, ids } = await withRecords(t, 500);
    const url = await serve(t, dir);
    assert.equal((await answer(`${url}/`)).status, 200);
    const csv = await answer(`${url}/records`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: 'id,msg\na/b c,x\n,y\n',
    });
    assert.deepEqual(csv.body, { imported: 1, refused: 1, errors: [{ line: 3, code: 'ERR_RECORD_ID' }] });
    const lines = await answer(`${url}/records`, { method: 'POST', body: `{"id":"${ids[0]}","msg":"m"}` });
    assert.deepEqual(lines.body['errors'], [{ line: 1, code: 'ERR_RECORD_DUPLICATE' }]);
    assert.deepEqual((await answer(`${url}/records/a%2Fb%20c`)).body, { id: 'a/b c', msg: 'x' });

    const begun = await answer(`${url}/sign/50`, { method: 'POST' });
    assert.deepEqual([begun.status, begun.body['batch_count']], [202, 11]);
    const done = await answer(`${url}/sign/50?wait=1`);
    assert.equal(done.status, 200);
    assert.deepEqual([done.body['unsigned'], done.body['conflicts'], done.body['failed']], [0, 0, 0]);
    const stats = await answer(`${url}/stats`);
    assert.deepEqual([stats.body['signed'], stats.body['unsigned']], [501, 0]);
    const record = await answer(`${url}/records/${ids[7]}`);
    assert.deepEqual(Object.keys(record.body), ['id', 'msg', 'sign', 'salt', 'key']);
    assert.equal((await answer(`${url}/records/none`)).status, 404);
    const empty = await answer(`${url}/sign/50?wait=1`, { method: 'POST' });
    assert.deepEqual([empty.status, empty.body['batch_count'], empty.body['signed']], [200, 0, 0]);
  });

  it('refuses sizes and batches that are none, and batches without the cluster secret (T20)', async (t) => {
    const { dir } = await withRecords(t, 5);
    const secret = join(dir, 'secret');
    writeFileSync(secret, 'the-secret-of-the-cluster\n', { mode: 0o600 });
    const url = await serve(t, dir, { CHAINMAIL_CLUSTER_SECRET_FILE: secret });
    for (const size of ['0', '-1', 'x', '1.5', '1000001'])
      assert.deepEqual([size, (await answer(`${url}/sign/${size}`)).status], [size, 400]);
    const headers = { authorization: 'Bearer the-secret-of-the-cluster', 'chainmail-run': 'r', 'chainmail-ring': 'f' };
    assert.equal((await answer(`${url}/batch/0/1/0`)).status, 401);
    assert.equal(
      (await answer(`${url}/batch/0/1/0`, { headers: { ...headers, authorization: 'Bearer x' } })).status,
      401,
    );
    assert.equal(
      (await answer(`${url}/batch/0/1/0`, { headers: { authorization: headers.authorization } })).status,
      400,
    );
    for (const path of ['1/1/0', '-1/1/0', '0/0/0', '0/1/3', '0/1/x'])
      assert.deepEqual([path, (await answer(`${url}/batch/${path}`, { headers })).status], [path, 400]);
    const otherRing = await answer(`${url}/batch/0/1/0`, { headers });
    assert.deepEqual([otherRing.status, otherRing.body['code']], [409, 'ERR_RING_DIFFERS']);
    const { fingerprint } = await told<{ fingerprint: string }>('keys', 'list', '--dir', dir);
    const otherRun = await answer(`${url}/batch/0/1/0`, { headers: { ...headers, 'chainmail-ring': fingerprint } });
    assert.deepEqual([otherRun.status, otherRun.body['code']], [409, 'ERR_RUN_DIFFERS']);
    assert.equal((await answer(`${url}/stats`, { method: 'DELETE' })).status, 405);
  });

  it('signs whatever body a request to sign has: all is said in the path', async (t) => {
    const { dir } = await withRecords(t, 5);
    const url = await serve(t, dir);
    for (const [type, body] of [
      ['application/x-www-form-urlencoded', ''],
      ['application/xml', '<a/>'],
      ['application/json', '{'],
    ] as const) {
      const headers = { 'content-type': type };
      assert.equal((await answer(`${url}/sign/2?wait=1`, { method: 'POST', headers, body })).status, 200);
    }
    assert.equal((await answer(`${url}/stats`)).body['signed'], 5);
  });

  it('refuses what a page in a browser sends, where no token protects it', async (t) => {
    const { dir } = await withRecords(t, 5);
    const url = await serve(t, dir);
    const ask = (path: string, headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const call = request(`${url}${path}`, { headers, method: path === '/records' ? 'POST' : 'GET' }, (reply) => {
          reply.resume();
          resolve(reply.statusCode);
        });
        call.on('error', reject).end();
      });
    for (const path of ['/sign/1', '/stats', '/records', '/records/x'])
      for (const headers of [
        { origin: 'http://page.example' },
        { 'sec-fetch-site': 'cross-site' },
        { host: 'page.example' },
        { host: '127.0.0.1.page.example:80' },
      ])
        assert.deepEqual([path, headers, await ask(path, headers as never)], [path, headers, 403]);
    assert.equal((await answer(`${url}/stats`)).body['signed'], 0);
    for (const host of ['127.0.0.1:1', 'localhost', 'LOCALHOST:80', '[::1]:8080'])
      assert.deepEqual([host, await ask('/stats', { host })], [host, 200]);
  });

  it('asks for the token wherever one is set, except of probes', async (t) => {
    const { dir } = await withRecords(t, 5);
    const token = join(dir, 'token');
    writeFileSync(token, 'a-token-that-nobody-guesses\n', { mode: 0o600 });
    const url = await serve(t, dir, {}, '--token-file', token);
    assert.equal((await answer(`${url}/`)).status, 200);
    for (const path of ['stats', 'sign/1', 'records/x']) assert.equal((await answer(`${url}/${path}`)).status, 401);
    assert.equal((await answer(`${url}/records`, { method: 'POST', body: '{}' })).status, 401);
    const headers = { authorization: 'Bearer a-token-that-nobody-guesses' };
    assert.equal((await answer(`${url}/sign/2?wait=1`, { headers })).body['signed'], 5);
  });

  it('signs with the keys that the caller may use, and writes down who asked for what', async (t) => {
    const { dir, keys } = await withRecords(t, 300);
    const file = join(dir, 'callers.yaml');
    const hash = (token: string): string => createHash('sha256').update(token).digest('hex');
    writeFileSync(
      file,
      `callers:\n  - { name: billing, token_sha256: ${hash('token-of-billing')}, keys: [2, 0] }\n` +
        `  - { name: office, token_sha256: ${hash('token-of-office')} }\n`,
    );
    const audit = join(dir, 'audit.jsonl');
    const url = await serve(t, dir, {}, '--callers', file, '--audit-file', audit);
    const as = (token: string): RequestInit => ({ method: 'POST', headers: { authorization: `Bearer ${token}` } });
    assert.equal((await answer(`${url}/sign/10`, as('token-of-nobody'))).status, 401);
    assert.equal((await answer(`${url}/sign/10?wait=1`, as('token-of-billing'))).body['signed'], 300);
    const stats = await answer(`${url}/stats`, { headers: { authorization: 'Bearer token-of-office' } });
    assert.deepEqual(new Set(Object.keys(stats.body['by_key'] as object)), new Set([keys[0], keys[2]]));
    await answer(`${url}/records`, { ...as('token-of-office'), body: '{"id":"x","msg":"y"}' });

    const lines = readFileSync(audit, 'utf8').trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      entries.map(({ caller, action }) => [caller, action]),
      [
        ['billing', 'run-begun'],
        ['office', 'records-added'],
      ],
    );
    assert.deepEqual(entries[0]?.['keys'], [2, 0]);
    assert.equal(entries[1]?.['previous'], hash(lines[0] as string));
  });

  it('does not start with callers that make no sense, nor on an audit file that was changed', async (t) => {
    const { dir } = await withRecords(t, 1);
    const [callers, audit] = [join(dir, 'callers.yaml'), join(dir, 'audit.jsonl')];
    const run = ['run', '--dir', dir, '--listen', '127.0.0.1:0', '--log-level', 'silent'];
    for (const text of [
      '',
      'callers: []',
      `callers: [{ name: a, token_sha256: ${'0'.repeat(64)}, keys: [3] }]`,
      'callers: [{ name: a, token: b }]',
    ]) {
      writeFileSync(callers, text);
      assert.equal((await refused(...run, '--callers', callers)).code, 'ERR_CONFIG');
    }
    writeFileSync(audit, '{"at":"2026-01-01T00:00:00Z","previous":"00"}\n');
    assert.equal((await refused(...run, '--audit-file', audit)).code, 'ERR_STATE_CORRUPT');
  });

  it('goes on with an audit file whose last line was cut off by a crash', async (t) => {
    const { dir } = await withRecords(t, 1);
    const audit = join(dir, 'audit.jsonl');
    const first = `{"at":"2026-01-01T00:00:00Z","previous":"${'00'.repeat(32)}"}\n`;
    writeFileSync(audit, `${first}{"at":"2026-`);
    const url = await serve(t, dir, {}, '--audit-file', audit);
    assert.equal((await answer(`${url}/sign/1?wait=1`)).status, 200);
    const [, second = '', ...rest] = readFileSync(audit, 'utf8').split('\n');
    assert.deepEqual(rest, ['']);

    const verify = ['audit', 'verify', '--file', audit, '--json'];
    const head = createHash('sha256').update(second).digest('hex');
    const whole = await chainmail(verify);
    assert.deepEqual([whole.code, JSON.parse(whole.stdout)], [0, { ok: true, entries: 2, head, broken: null }]);
    writeFileSync(audit, `${first.replace('2026', '2025')}${second}\n`);
    const changed = await chainmail(verify);
    assert.equal(changed.code, 1);
    assert.deepEqual((JSON.parse(changed.stdout) as { broken: unknown }).broken, {
      sequence: 2,
      reason: 'previous-hash',
    });
    for (const wrong of [
      ['audit', 'verify'],
      [...verify, '--dir', dir],
    ])
      assert.equal((await chainmail(wrong)).code, 2);
  });
});
