import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, it, test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ENGINES, engineProblem } from '../../../src/host/signer/engines/engines.ts';
import type { SignedRecordJson } from '../../../src/signer/signed-line.ts';
import { chainmail, LongCommand, type ToldError } from '../../support/processes/chainmail.ts';
import { REPOSITORY } from '../../../tools/repository.ts';
import { SEED_RECORD } from '../../support/seed-record.ts';
import { writeRecords } from '../../support/processes/signer-storm.ts';
import { enlarge, NO_SMALL_DISK, smallDisk } from '../../support/foreign/small-disk.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Runs a command that must succeed, and reads its JSON. */
async function told<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await chainmail(['signer', ...args, '--json']);
  assert.equal(code, 0, `${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The error of a command that must be refused. */
async function refused(...args: string[]): Promise<ToldError['error']> {
  const { code, stdout, stderr } = await chainmail(['signer', ...args, '--json']);
  assert.equal(code, 1, `${stdout}${stderr}`);
  return (JSON.parse(stdout) as ToldError).error;
}

async function withRecords(t: TestContext, count: number): Promise<{ dir: string; ids: string[]; keys: string[] }> {
  const folder = tempDir(t);
  const dir = join(folder, 'records');
  const { keys } = await told<{ keys: string[] }>('keys', 'generate', '--dir', dir, '--count', '3');
  const { file, ids } = writeRecords(folder, 'records.jsonl', count);
  assert.deepEqual(await told('import', '--dir', dir, file), { imported: count, refused: 0, errors: [] });
  return { dir, ids, keys };
}

test('the job on one machine: keys, import, sign, stats, export, verify', async (t) => {
  const { dir, ids, keys } = await withRecords(t, 1_500);
  assert.equal(statSync(join(dir, 'keys.json')).mode & 0o777, 0o600);
  const signed = await told<{ elapsed_ms: number }>('sign', '--dir', dir, '--size', '100');
  assert.deepEqual(
    { ...signed, elapsed_ms: 0 },
    { signed: 1_500, unsigned: 0, conflicts: 0, failed: 0, elapsed_ms: 0 },
  );
  const stats = await told<{ signed: number; unsigned: number; by_key: Record<string, number> }>('stats', '--dir', dir);
  assert.deepEqual([stats.signed, stats.unsigned], [1_500, 0]);
  assert.deepEqual(Object.keys(stats.by_key).sort(), keys.sort());

  const out = join(dir, 'signed.jsonl');
  await told('export', '--dir', dir, '--out', out);
  const lines = readFileSync(out, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as SignedRecordJson);
  assert.deepEqual(lines.map(({ id }) => id).sort(), ids.sort());
  assert.deepEqual(Object.keys(lines[0] ?? {}), ['id', 'msg', 'sign', 'salt', 'key']);
  assert.deepEqual(await told('verify', out), { ok: true, checked: 1_500, errors: [] });

  const [first] = lines as [SignedRecordJson];
  writeFileSync(out, `${JSON.stringify({ ...first, msg: 'another' })}\n${JSON.stringify(SEED_RECORD)}\n`);
  const { code, stdout } = await chainmail(['signer', 'verify', out, '--json']);
  assert.deepEqual(
    [code, JSON.parse(stdout)],
    [1, { ok: false, checked: 2, errors: [{ line: 1, id: first.id, code: 'ERR_RECORD_SIGNATURE' }] }],
  );
});

test('import refuses by line what is wrong or known, keeps the rest, and exits 1', async (t) => {
  const { dir, ids } = await withRecords(t, 10);
  await told('sign', '--dir', dir);
  const file = join(dir, 'more.jsonl');
  writeFileSync(file, `{"id":"new","msg":"m"}\n{"id":"${ids[0]}","msg":"other"}\nnonsense\n{"id":"new","msg":"m"}\n`);
  const { code, stdout } = await chainmail(['signer', 'import', '--dir', dir, file, '--json']);
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stdout), {
    imported: 1,
    refused: 3,
    errors: [
      { line: 2, code: 'ERR_RECORD_DUPLICATE' },
      { line: 3, code: 'ERR_RECORD_MALFORMED' },
      { line: 4, code: 'ERR_RECORD_DUPLICATE' },
    ],
  });
});

for (const engine of ENGINES) {
  const problem = await engineProblem(engine);
  test(`engine ${engine} signs what verifies`, { skip: problem?.message ?? false }, async (t) => {
    const { dir } = await withRecords(t, 60);
    await told('sign', '--dir', dir, '--engine', engine);
    const out = join(dir, 'signed.jsonl');
    await told('export', '--dir', dir, '--out', out);
    assert.deepEqual(await told('verify', out), { ok: true, checked: 60, errors: [] });
  });
}

describe('keys', () => {
  it('are refused when missing, readable by others, malformed or there twice; no error shows one', async (t) => {
    const { dir } = await withRecords(t, 1);
    const file = join(dir, 'keys.json');
    const good = readFileSync(file, 'utf8');
    const { keys } = JSON.parse(good) as { keys: [string, string, string] };
    const check = async (content: string, code: string): Promise<void> => {
      writeFileSync(file, content, { mode: 0o600 });
      const error = await refused('sign', '--dir', dir);
      assert.equal(error.code, code, error.message);
      for (const key of keys) assert.ok(!JSON.stringify(error).includes(key.slice(2, 20)));
    };
    await check('nonsense', 'ERR_KEY');
    await check('{"keys":[]}', 'ERR_KEY');
    await check(JSON.stringify({ keys: [...keys], [keys[0]]: '' }), 'ERR_KEY');
    await check(JSON.stringify({ [keys[0]]: keys[1] }), 'ERR_KEY');
    await check(JSON.stringify({ keys: [keys[0].slice(0, -2)] }), 'ERR_KEY');
    await check(JSON.stringify({ keys: [`0x${'0'.repeat(64)}`] }), 'ERR_KEY');
    await check(JSON.stringify({ keys: [keys[0], keys[0]] }), 'ERR_KEY');
    writeFileSync(file, good);
    chmodSync(file, 0o644);
    assert.equal((await refused('sign', '--dir', dir)).code, 'ERR_KEY_FILE_MODE');
    assert.equal((await refused('sign', '--dir', dir, '--keys', join(dir, 'none'))).code, 'ERR_RING_MISSING');
    assert.equal((await refused('keys', 'generate', '--dir', dir)).code, 'ERR_DIR_EXISTS');
    for (const text of [keys[0], keys[0].slice(2), keys.join(',')]) {
      const { code, stdout, stderr } = await chainmail(['signer', 'sign', '--dir', dir, '--keys', text]);
      assert.equal(code, 2);
      for (const key of keys) assert.ok(!`${stdout}${stderr}`.includes(key.slice(2, 20)));
    }
  });

  it('come from a folder, one a file, in the order of names, as Kubernetes mounts them', async (t) => {
    const { dir } = await withRecords(t, 1);
    const { keys } = JSON.parse(readFileSync(join(dir, 'keys.json'), 'utf8')) as { keys: string[] };
    const folder = join(dir, 'mounted');
    mkdirSync(join(folder, '..data'), { recursive: true });
    for (const [i, key] of keys.entries()) writeFileSync(join(folder, `key-${i}`), `${key}\n`, { mode: 0o440 });
    assert.deepEqual(
      (await told<{ keys: string[] }>('keys', 'list', '--dir', dir, '--keys', folder)).keys,
      (await told<{ keys: string[] }>('keys', 'list', '--dir', dir)).keys,
    );
    chmodSync(join(folder, 'key-1'), 0o444);
    assert.equal((await refused('keys', 'list', '--keys', folder)).code, 'ERR_KEY_FILE_MODE');
  });
});

test('wrong usage exits 2 and says why on standard error', async (t) => {
  const dir = tempDir(t);
  for (const args of [
    ['sign', '--dir', dir, '--size', '0'],
    ['sign', '--dir', dir, '--size', '-1'],
    ['sign', '--dir', dir, '--size', 'x'],
    ['sign'],
    ['sign', '--store', 'http://x'],
    ['import', '--dir', dir, '--format', 'xml', '-'],
    ['run', '--dir', dir, '--listen', '0.0.0.0:0'],
    ...['bogus', ':0', '127.0.0.1', '127.0.0.1:99999'].map((listen) => ['run', '--dir', dir, '--listen', listen]),
  ]) {
    const { code, stderr } = await chainmail(['signer', ...args]);
    assert.deepEqual([args, code], [args, 2]);
    assert.match(stderr, /chainmail: error: /);
  }
});

test('Ctrl-C ends signing in order: what was signed is kept, and the next call goes on', async (t) => {
  const { dir } = await withRecords(t, 20_000);
  const command = new LongCommand(['signer', 'sign', '--dir', dir, '--engine', 'wasm', '--json']);
  while (!existsSync(join(dir, 'pid'))) await pause(5); // it holds the lock: the signal is handled from here on
  assert.equal(await command.end('SIGINT'), 1);
  const { signed, unsigned } = await command.json<{ signed: number; unsigned: number }>();
  assert.equal(signed + unsigned, 20_000);
  assert.ok(unsigned > 0, 'it was over before the signal came');
  assert.equal((await told<{ signed: number }>('sign', '--dir', dir)).signed, unsigned);
});

test('an export to what takes no bytes says so, and a folder that is not there is no bug', async (t) => {
  const { dir } = await withRecords(t, 2_000);
  await told('sign', '--dir', dir);
  const args = ['signer', 'export', '--dir', dir].map((arg) => `'${arg}'`).join(' ');
  const { status, stderr } = spawnSync('sh', ['-c', `node bin/chainmail.mjs ${args} > /dev/full`], {
    encoding: 'utf8',
    cwd: REPOSITORY,
  });
  assert.equal(status, 1);
  assert.match(stderr, /^chainmail: error: the disk cannot be written: ENOSPC/);
  assert.doesNotMatch(stderr, /node:/);
  assert.equal((await refused('export', '--dir', dir, '--out', join(dir, 'none', 'out'))).code, 'ERR_INPUT');
  const disk = smallDisk(t, 1);
  if (disk === undefined) return t.skip(NO_SMALL_DISK);
  writeFileSync(join(disk, 'out'), 'older');
  writeFileSync(join(disk, 'filler'), new Uint8Array(700 * 1024));
  assert.equal((await refused('export', '--dir', dir, '--out', join(disk, 'out'))).code, 'ERR_STORAGE');
  assert.deepEqual(readdirSync(disk).sort(), ['filler', 'out']);
  assert.equal(readFileSync(join(disk, 'out'), 'utf8'), 'older');
});

test('a full disk ends signing with an error; the same call goes on when there is room', async (t) => {
  const disk = smallDisk(t, 16);
  if (disk === undefined) return t.skip(NO_SMALL_DISK);
  const { file, ids } = writeRecords(tempDir(t), 'many.jsonl', 20_000);
  await told('keys', 'generate', '--dir', disk, '--count', '1');
  await told('import', '--dir', disk, file);
  writeFileSync(join(disk, 'filler'), new Uint8Array(statfsSync(disk).bavail * statfsSync(disk).bsize - 300_000));
  assert.equal((await refused('sign', '--dir', disk)).code, 'ERR_STORAGE');
  rmSync(join(disk, 'filler'));
  enlarge(disk, 64);
  const { signed, unsigned } = await told<{ signed: number; unsigned: number }>('stats', '--dir', disk);
  assert.equal(signed + unsigned, 20_000);
  assert.ok(unsigned > 0);
  assert.equal((await told<{ signed: number }>('sign', '--dir', disk)).signed, unsigned);
  const out = join(disk, 'out');
  await told('export', '--dir', disk, '--out', out);
  assert.deepEqual(await told('verify', out), { ok: true, checked: ids.length, errors: [] });
});

test('a full disk ends the import with an error; what was told to be kept is there', async (t) => {
  const disk = smallDisk(t, 3);
  if (disk === undefined) return t.skip(NO_SMALL_DISK);
  const { file } = writeRecords(tempDir(t), 'many.jsonl', 40_000);
  await told('keys', 'generate', '--dir', disk, '--count', '1');
  const error = await refused('import', '--dir', disk, file);
  assert.match(error.message, /full/);
  assert.match(error.hint ?? '', /disk/);
  enlarge(disk, 64);
  const { unsigned } = await told<{ unsigned: number }>('stats', '--dir', disk);
  assert.equal(unsigned % 1_000, 0, 'whole chunks');
  const again = await chainmail(['signer', 'import', '--dir', disk, file, '--json']);
  assert.equal((JSON.parse(again.stdout) as { imported: number }).imported, 40_000 - unsigned);
  assert.equal((await told<{ signed: number }>('sign', '--dir', disk)).signed, 40_000);
});

test('one process signs in a directory', async (t) => {
  const { dir } = await withRecords(t, 1);
  const service = new LongCommand(['signer', 'run', '--dir', dir, '--listen', '127.0.0.1:0', '--json']);
  t.after(() => service.end('SIGKILL'));
  await service.line();
  assert.equal((await refused('sign', '--dir', dir)).code, 'ERR_DIR_LOCKED');
  assert.equal(await service.end(), 0);
  assert.equal((await told<{ signed: number }>('sign', '--dir', dir)).signed, 1);
});

describe('the service', () => {
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
