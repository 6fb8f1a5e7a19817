import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDirectory } from '../../src/host/directory-lock.ts';
import { tempDir } from '../support/temp-dir.ts';

const MODULE = new URL('../../src/host/directory-lock.ts', import.meta.url).href;

test('a directory has one holder at a time', (t) => {
  const directory = tempDir(t);
  const lock = lockDirectory(directory);
  assert.throws(() => lockDirectory(directory), {
    code: 'ERR_DIR_LOCKED',
    message: new RegExp(`process ${process.pid}`),
  });
  lock.release();
  lock.release();
  assert.equal(existsSync(join(directory, 'pid')), false);
  lockDirectory(directory).release();
});

test('a lock dies with its process, even by kill -9, and names it while it lives', async (t) => {
  const directory = tempDir(t);
  const script = `
    const { lockDirectory } = await import(${JSON.stringify(MODULE)});
    lockDirectory(${JSON.stringify(directory)});
    process.stdout.write('held');
    setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  assert.throws(() => lockDirectory(directory), {
    code: 'ERR_DIR_LOCKED',
    message: new RegExp(`process ${child.pid}`),
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = lockDirectory(directory);
  assert.equal(readFileSync(join(directory, 'pid'), 'utf8'), `${process.pid}\n`);
  lock.release();
});
