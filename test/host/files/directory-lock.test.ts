import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDirectory } from '../../../src/host/files/directory-lock.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MODULE = new URL('../../../src/host/files/directory-lock.ts', import.meta.url).href;

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

test('a lock dies with its process, even by kill -9, and not before, even where nobody keeps it; it names its process', async (t) => {
  const directory = tempDir(t);
  const script = `
    const { lockDirectory } = await import(${JSON.stringify(MODULE)});
    lockDirectory(${JSON.stringify(directory)});
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(() => resolve(gc())));
    process.stdout.write('held');
    setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
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

test('a directory that may not be written is told as such, whichever of its files it is', async (t) => {
  const directory = tempDir(t);
  lockDirectory(directory).release();
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const script = `
    const { lockDirectory } = await import(${JSON.stringify(MODULE)});
    try { lockDirectory(${JSON.stringify(directory)}); } catch ({ code, message }) { process.stdout.write(code + ' ' + message); }`;
  const told = async (): Promise<string> => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { ...user, cwd: '/' });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await once(child, 'close');
    return text;
  };
  for (const path of [directory, join(directory, 'lock')])
    if (user.uid !== undefined) chownSync(path, user.uid, user.gid);
  chmodSync(directory, 0o500);
  assert.match(await told(), /^ERR_CONFIG directory .* cannot be written/, 'the folder alone');
  chmodSync(join(directory, 'lock'), 0o400);
  assert.match(await told(), /^ERR_CONFIG directory .* cannot be written/, 'the lock too');
  chmodSync(directory, 0o700);
  chmodSync(join(directory, 'lock'), 0o600);
  lockDirectory(directory).release(); // and nothing holds it
});
