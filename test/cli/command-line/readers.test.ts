import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chainmail } from '../../support/processes/chainmail.ts';
import { tempDir } from '../../support/temp-dir.ts';

const LAUNCHER = fileURLToPath(new URL('../../../bin/chainmail.mjs', import.meta.url));

/** Runs a command that finds nobody at one of its ends. @returns its exit code and what came out at the other. */
async function unread(end: 'stdout' | 'stderr', ...args: readonly string[]): Promise<readonly [number | null, string]> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  child[end].destroy();
  let text = '';
  child[end === 'stdout' ? 'stderr' : 'stdout'].on('data', (part) => (text += String(part)));
  await once(child, 'close');
  return [child.exitCode, text];
}

describe('commands whose reader has gone', () => {
  const folder = tempDir({ after });
  const dir = join(folder, 'authority');
  const passphrase = join(folder, 'passphrase');

  before(async () => {
    writeFileSync(passphrase, 'x\n', { mode: 0o600 });
    const init = ['authority', 'init', '--dir', dir, '--mesh', 'depot', '--passphrase-file', passphrase];
    assert.equal((await chainmail(init)).code, 0);
  });

  it('end in silence where nobody reads their results', async () => {
    const list = ['audit', 'list', '--dir', dir, '--passphrase-file', passphrase];
    for (const args of [['--help'], list, [...list, '--json']])
      assert.deepEqual(await unread('stdout', ...args), [0, ''], args.join(' '));
  });

  it('do their work where nobody reads their advice', async () => {
    const out = join(folder, 'ticket');
    const create = ['ticket', 'create', '--dir', dir, '--passphrase-file', passphrase, '--out', out, '--role', 'odd'];
    const [code, text] = await unread('stderr', ...create);
    assert.equal(code, 0);
    assert.match(text, /^ticket [0-9a-f]+ written/);
    assert.ok(existsSync(out));
    assert.deepEqual(await unread('stderr', 'nonsense'), [2, '']);
    assert.deepEqual(await unread('stderr', 'status', '--dir', folder), [1, '']);
  });
});
