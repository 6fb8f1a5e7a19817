import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tempDir } from '../support/temp-dir.ts';
import { type UpLine, UpProcess, untilGone } from '../support/processes/up-process.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/chainmail.mjs', import.meta.url));

/** What every end of `up` must leave behind: nothing. */
function assertNothingLeft(up: UpProcess): void {
  assert.deepEqual(up.remaining(), [], 'processes are left');
  assert.deepEqual(readdirSync(up.folder), [], 'a folder is left');
}

/** An orderly end, wherever it was: exit 0, the summary last, nothing left, no complaint. */
async function assertEnded(up: UpProcess): Promise<void> {
  const code = await up.exitCode();
  assert.equal(up.errors, '');
  assert.equal(code, 0, `exit code after ${up.lines.at(-1)?.event ?? 'no line'}`);
  const last = up.lines.at(-1);
  assert.equal(last?.event, 'summary');
  assert.deepEqual(last['failed'], []);
  assert.equal(last['told'], up.all('story-told').length === 1);
  assert.equal(last['ok'], last['told'], 'what was cut short did not all happen');
  assertNothingLeft(up);
}

/** Upon each event of the story, the first and a later one of those that come often. */
const EVENTS: readonly (readonly [event: string, count: number])[] = [
  ['authority-ready', 1],
  ['node-enrolled', 1],
  ['node-enrolled', 3],
  ['link-up', 1],
  ['message-published', 1],
  ['message-delivered', 1],
  ['node-stopped', 1],
  ['message-published', 2],
  ['node-back', 1],
  ['revoked', 1],
  ['shut-out', 1],
  ['shut-out', 4],
  ['story-told', 1],
];
/** Between events too: while keys are made, processes start, dials are under way. */
const DELAYS_MS = [0, 60, 250] as const;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

describe('the end of chainmail up', { concurrency: 2 }, () => {
  for (const [i, [event, count]] of EVENTS.entries()) {
    const signal = SIGNALS[i % 2] as (typeof SIGNALS)[number];
    const delayMs = DELAYS_MS[i % 3] as number;
    it(`is in order on ${signal}, ${delayMs} ms after ${event} ${count}`, async (t) => {
      const up = new UpProcess(t, '--nodes', '3');
      await up.until(event, count);
      await pause(delayMs);
      up.child.kill(signal);
      await assertEnded(up);
    });
  }

  for (const ms of [100, 250, 400, 550])
    it(`is in order ${ms} ms after its folder was made`, async (t) => {
      const up = new UpProcess(t, '--nodes', '3');
      while (readdirSync(up.folder).length === 0) await pause(5);
      await pause(ms);
      up.child.kill(ms % 100 === 0 ? 'SIGTERM' : 'SIGINT');
      await assertEnded(up);
    });

  it('comes at once on a second signal, and is in order all the same', async (t) => {
    const up = new UpProcess(t, '--nodes', '3');
    const nodes = await up.until('node-enrolled', 3);
    // A node that cannot end: the first signal waits for it.
    const [stuck] = nodes as readonly [UpLine];
    process.kill(Number(stuck['pid']), 'SIGSTOP');
    up.child.kill('SIGINT');
    await pause(1_000);
    assert.equal(up.child.exitCode, null, 'it waits for the node that is stuck');
    up.child.kill('SIGINT');
    await assertEnded(up);
  });

  it('takes one Ctrl-C for one, however many processes of a terminal pass it on', async (t) => {
    const up = new UpProcess(t, '--nodes', '3');
    await up.until('node-enrolled', 3);
    for (let times = 0; times < 3; times++) {
      up.child.kill('SIGINT');
      await pause(20);
    }
    await assertEnded(up);
  });

  it('leaves nothing when its reader goes away', async (t) => {
    for (const count of [1, 3]) {
      const up = new UpProcess(t, '--nodes', '3');
      await up.until(count === 1 ? 'authority-ready' : 'node-enrolled', count);
      up.child.stdout?.destroy();
      assert.equal(await up.exitCode(), 0);
      assert.equal(up.errors, '');
      assertNothingLeft(up);
    }
  });

  it('ends its children when it is killed outright, while they start and while they run', async (t) => {
    for (const [event, count, delayMs] of [
      ['authority-ready', 1, 150],
      ['authority-ready', 1, 500],
      ['node-enrolled', 3, 0],
    ] as const) {
      const up = new UpProcess(t, '--nodes', '3');
      await up.until(event, count);
      await pause(delayMs);
      up.child.kill('SIGKILL');
      await once(up.child, 'exit');
      for (let tries = 0; up.remaining().length > 0 && tries < 100; tries++) await pause(20);
      assert.deepEqual(up.remaining(), []);
    }
  });

  it('ends children that cannot end themselves when it is killed outright', async (t) => {
    const up = new UpProcess(t, '--nodes', '2');
    const nodes = await up.until('node-enrolled', 2);
    for (const { pid } of nodes as unknown as readonly { pid: number }[]) process.kill(pid, 'SIGSTOP');
    up.child.kill('SIGKILL');
    await untilGone(nodes.map(({ pid }) => pid));
  });

  it('tells of a node that somebody killed, and goes on', async (t) => {
    const up = new UpProcess(t, '--nodes', '2');
    await up.until('story-told');
    const [first] = up.all('node-enrolled') as readonly [UpLine];
    process.kill(Number(first['pid']), 'SIGKILL');
    const [ended] = await up.until('node-ended');
    const { node_id, name, pid, dir } = first;
    assert.deepEqual({ ...ended, t_ms: 0 }, { event: 'node-ended', node_id, name, pid, dir, t_ms: 0 });

    const [ready] = up.all('authority-ready') as readonly [UpLine];
    process.kill(Number(ready['pid']), 'SIGKILL');
    const [authority] = await up.until('authority-ended');
    assert.equal(authority?.['pid'], ready['pid']);
    up.child.kill('SIGINT');
    await assertEnded(up);
  });

  it('counts a node that ends within the story as a failure', async (t) => {
    const up = new UpProcess(t, '--nodes', '2');
    const nodes = await up.until('node-enrolled', 2);
    process.kill(Number(nodes[1]?.['pid']), 'SIGKILL');
    await up.until('node-ended');
    up.child.kill('SIGTERM');
    assert.equal(await up.exitCode(), 0);
    assert.equal(up.lines.at(-1)?.['ok'], false);
    assertNothingLeft(up);
  });
});

describe('commands that go on', () => {
  function launch(t: TestContext, ...args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    return child;
  }

  async function textOf(child: ChildProcess): Promise<string> {
    let text = '';
    child.stdout?.on('data', (part) => (text += String(part)));
    await once(child, 'close');
    return text;
  }

  it('say with a code of their own that their node was killed', async (t) => {
    const up = new UpProcess(t, '--nodes', '2', '--dir', join(tempDir(t), 'mesh'));
    await up.until('story-told');
    const named = (name: string) => up.all('node-enrolled').find((line) => line['name'] === name) as UpLine;
    const [author, watched] = [named('n1'), named('n2')];
    const watching = launch(t, 'watch', '--dir', String(watched['dir']), '--json');
    const said = textOf(watching);
    const quiet = launch(t, 'watch', '--dir', String(author['dir']), '--json');
    await pause(1_500); // both follow by now
    quiet.stdout?.destroy();
    const quietEnded = once(quiet, 'exit');
    process.kill(Number(watched['pid']), 'SIGKILL');
    const { ok, error } = JSON.parse(await said) as { ok: boolean; error: { code: string; hint: string } };
    assert.equal(ok, false);
    assert.equal(error.code, 'ERR_NOT_RUNNING');
    assert.notEqual(error.hint, undefined);
    assert.equal(watching.exitCode, 1);

    // One whose reader has gone ends quietly at its next line.
    const publish = launch(t, 'publish', '--dir', String(author['dir']), '--type', 'sensor/x', LAUNCHER);
    assert.notEqual(await textOf(publish), '');
    assert.deepEqual(await quietEnded, [0, null]);
    assert.equal(existsSync(String(author['dir'])), true);
  });
});
