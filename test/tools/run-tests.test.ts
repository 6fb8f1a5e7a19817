import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { REPOSITORY } from '../../tools/repository.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Runs `npm test`'s program on one file with this content. */
function runOn(t: TestContext, code: string, ...flags: readonly string[]) {
  const dir = tempDir(t);
  writeFileSync(join(dir, 'it.test.ts'), `import { describe, it } from 'node:test';\n${code}`);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // or Node.js takes the inner run for a part of this one
  const result = spawnSync(process.execPath, [join(REPOSITORY, 'tools/run-tests.ts'), dir, ...flags], {
    cwd: dir,
    env,
    encoding: 'utf8',
  });
  return { dir, code: result.status, lines: result.stdout.trimEnd().split('\n'), text: result.stdout + result.stderr };
}

describe('npm test', () => {
  it('ends with the counts, and exits 0 when all pass', (t) => {
    const run = runOn(t, `it('a', () => {}); it('b', () => {});`);
    assert.equal(run.lines.at(-1), '2 passed, 0 failed, 0 skipped');
    assert.equal(run.code, 0);
  });

  it('shows a failure with its suite, and what the file printed, and exits 1', (t) => {
    const run = runOn(t, `describe('s', () => it('f', () => { console.log('clue'); throw new Error('why'); }));`);
    assert.match(run.text, /s > f/);
    assert.match(run.text, /Error: why/);
    assert.match(run.text, /clue/);
    assert.equal(run.lines.at(-1), '0 passed, 1 failed, 0 skipped');
    assert.equal(run.code, 1);
  });

  it('counts a file that does not even load', (t) => {
    const run = runOn(t, `throw new Error('why');`);
    assert.match(run.text, /Error: why/);
    assert.equal(run.lines.at(-1), '0 passed, 1 failed, 0 skipped');
    assert.equal(run.code, 1);
  });

  it('names each reason for skipping once', (t) => {
    const skipped = `it('a', { skip: 'no openssl' }, () => {}); it('b', { skip: 'no openssl' }, () => {});`;
    const run = runOn(t, `${skipped} describe('s', { skip: 'no curl' }, () => { it('c', () => {}); });`);
    assert.equal(run.text.match(/no openssl/g)?.length, 1);
    assert.equal(run.text.match(/no curl/g)?.length, 1);
    assert.equal(run.lines.at(-1), '0 passed, 0 failed, 2 skipped');
  });

  it('runs what a pattern selects', (t) => {
    const run = runOn(t, `it('apple', () => {}); it('pear', () => { throw new Error(); });`, '--test-name-pattern=app');
    assert.equal(run.lines.at(-1), '1 passed, 0 failed, 0 skipped');
  });

  it('refuses to pass where nothing ran', (t) => {
    const run = runOn(t, `it('a', () => {});`, '--test-name-pattern=nothing');
    assert.match(run.text, /no test ran/);
    assert.equal(run.code, 1);
  });

  it('exits 2 on an unknown flag or path', (t) => {
    assert.equal(runOn(t, '', '--bogus').code, 2);
    assert.equal(runOn(t, '', 'test/nowhere').code, 2);
  });

  it('ends a process that a test left behind, and fails', { skip: !existsSync('/proc') && 'no /proc' }, (t) => {
    const run = runOn(
      t,
      `import { spawn } from 'node:child_process';
       import { writeFileSync } from 'node:fs';
       it('a', () => {
         const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
         writeFileSync(import.meta.dirname + '/pid', String(child.pid));
         child.unref();
       });`,
    );
    assert.match(run.text, /left running by a test/);
    assert.equal(run.lines.at(-1), '1 passed, 1 failed, 0 skipped');
    const pid = readFileSync(join(run.dir, 'pid'), 'utf8');
    assert.equal(existsSync(`/proc/${pid}/exe`), false, 'ended');
  });
});
