import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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
import { join } from 'node:path';
import { describe, it, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ENGINES, engineProblem } from '../../../src/host/signer/engines/engines.ts';
import type { SignedRecordJson } from '../../../src/signer/signed-line.ts';
import { chainmail, LongCommand } from '../../support/processes/chainmail.ts';
import { REPOSITORY } from '../../../tools/repository.ts';
import { SEED_RECORD } from '../../support/seed-record.ts';
import { writeRecords } from '../../support/processes/signer-storm.ts';
import { enlarge, NO_SMALL_DISK, smallDisk } from '../../support/foreign/small-disk.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { refused, told, withRecords } from './signer-command.ts';

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
