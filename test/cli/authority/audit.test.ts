import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { chainmail } from '../../support/processes/chainmail.ts';
import { tempDir } from '../../support/temp-dir.ts';

interface Verified {
  readonly ok: boolean;
  readonly entries: number;
  readonly head: string;
  readonly broken: { readonly sequence: number; readonly reason: string } | null;
}

test('the audit log tells what was done, and a changed entry is found', async (t) => {
  const dir = join(tempDir(t), 'depot');
  mkdirSync(dir, { mode: 0o700 });
  writeFileSync(join(dir, 'passphrase'), 'correct horse\n', { mode: 0o600 });
  await chainmail(['authority', 'init', '--dir', dir, '--mesh', 'depot']);
  await chainmail(['ticket', 'create', '--dir', dir, '--out', join(dir, 'a.ticket')]);

  const listed = await chainmail(['audit', 'list', '--dir', dir, '--json']);
  const { entries } = JSON.parse(listed.stdout) as { entries: readonly { action: string }[] };
  assert.deepEqual(
    entries.map(({ action }) => action),
    ['authority-initialised', 'administrator-added', 'ticket-created'],
  );
  const whole = await chainmail(['audit', 'verify', '--dir', dir, '--json']);
  assert.equal(whole.code, 0);
  assert.equal((JSON.parse(whole.stdout) as Verified).entries, 3);

  const store = new DatabaseSync(join(dir, 'authority.db'));
  store.exec("UPDATE audit SET actor = 'nobody' WHERE sequence = 2");
  store.close();
  const changed = await chainmail(['audit', 'verify', '--dir', dir, '--json']);
  assert.equal(changed.code, 1);
  assert.deepEqual((JSON.parse(changed.stdout) as Verified).broken, { sequence: 2, reason: 'hash' });
});
