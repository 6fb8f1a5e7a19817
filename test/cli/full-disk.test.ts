import assert from 'node:assert/strict';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startAuthority } from '../support/processes/authority-process.ts';
import { chainmail, LongCommand, type ToldError } from '../support/processes/chainmail.ts';
import { NodeProcess } from '../support/processes/node-process.ts';
import { NO_SMALL_DISK, smallDisk } from '../support/foreign/small-disk.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Takes what room there is left: a process that ends may have freed some. */
function fill(filler: string): void {
  assert.throws(
    () => {
      for (;;) appendFileSync(filler, new Uint8Array(4_096));
    },
    { code: 'ENOSPC' },
  );
}

/** What a command says first, be it one that would go on. */
async function refusalOf(t: TestContext, ...args: string[]): Promise<ToldError['error']> {
  const command = new LongCommand([...args, '--json']);
  t.after(() => command.end('SIGKILL'));
  const { error } = await command.json<ToldError>();
  assert.ok(error !== undefined, `${args.join(' ')} was not refused`);
  return error;
}

test('what starts on a full disk says so, and starts when there is room', async (t) => {
  const disk = smallDisk(t, 6);
  if (disk === undefined) return t.skip(NO_SMALL_DISK);
  const dir = join(disk, 'ca');
  const authority = await startAuthority(dir);
  const node = await NodeProcess.enroll(disk, 'n1', dir);
  await authority.close();
  writeFileSync(join(dir, 'passphrase'), 'correct horse\n', { mode: 0o600 });
  const signer = join(disk, 'signer');
  assert.equal((await chainmail(['signer', 'keys', 'generate', '--dir', signer, '--count', '1'])).code, 0);
  const records = join(disk, 'records.jsonl');
  writeFileSync(records, '{"id":"a","msg":"b"}\n');
  const imported = await chainmail(['signer', 'import', '--dir', signer, records]);
  assert.equal(imported.code, 0, imported.stderr);

  const filler = join(disk, 'filler');
  for (const args of [
    ['authority', 'run', '--dir', dir, '--listen', '127.0.0.1:0'],
    ['node', 'run', '--dir', node.dir, '--listen', '127.0.0.1:0', '--no-multicast'],
    ['signer', 'run', '--dir', signer, '--listen', '127.0.0.1:0'],
    ['ticket', 'create', '--dir', dir, '--out', join(tempDir(t), 'some.ticket')],
    [
      'authority',
      'init',
      '--dir',
      join(disk, 'other'),
      '--mesh',
      'other',
      '--passphrase-file',
      join(dir, 'passphrase'),
    ],
  ]) {
    fill(filler);
    const { code, message, hint } = await refusalOf(t, ...args);
    assert.equal(code, 'ERR_STORAGE', `${args.join(' ')}: ${message}`);
    assert.match(hint ?? '', /make room|free space/, args.join(' '));
  }

  rmSync(filler);
  t.after(() => node.end('SIGKILL'));
  assert.equal((await node.run()).event, 'ready');
});
