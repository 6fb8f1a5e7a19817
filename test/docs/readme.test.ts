import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { diagnose } from '../../src/daemon/doctor/doctor.ts';
import { missing } from '../support/foreign/programs.ts';
import { tempDir } from '../support/temp-dir.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/chainmail.mjs', import.meta.url));
const README = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');

/** The terminals of «A mesh of your own». Ports are any free ones, `npx` is this checkout. */
function terminals(): readonly string[] {
  const section = /^## A mesh of your own$([\s\S]*?)^## /m.exec(README)?.[1] ?? '';
  const npx = `npx() { shift; '${process.execPath}' '${LAUNCHER}' "$@"; }\n`;
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(
    ([, text = '']) => `set -euo pipefail\n${npx}${text.replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:0')}`,
  );
}

describe('README, a mesh of your own', { skip: missing('bash', 'openssl') }, () => {
  const folder = tempDir({ after });
  const running: ChildProcess[] = [];
  after(() => {
    for (const { pid } of running) if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  });

  /** Types a block whose last command goes on, and waits until the process of that directory is well. */
  async function leaveRunning(block: string, directory: string): Promise<void> {
    const child = spawn('bash', ['-c', block], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'], detached: true });
    running.push(child);
    for (let tries = 0; tries < 200 && child.exitCode === null; tries++) {
      const isUp = (await diagnose(join(folder, directory))).some(
        ({ name, detail }) => name === 'process' && !detail.startsWith('no '),
      );
      if (isUp) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.fail(`nothing runs in ${directory}`);
  }

  it('its commands make a mesh in which an indicator is published and listed', async () => {
    const [authority = '', node = '', words = '', ...more] = terminals();
    assert.deepEqual(more, []);
    await leaveRunning(authority, 'mesh/authority');
    await leaveRunning(node, 'mesh/n1');
    const said = spawnSync('bash', ['-c', words], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
    assert.equal(said.status, 0, said.stderr);
    assert.match(said.stdout, /e3b0c44298fc1c149afbf4c8996fb924/);
    assert.match(said.stdout, /active/);
  });
});
