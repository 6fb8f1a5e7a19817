import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import type { Command } from 'commander';
import { LAST_MAX } from '../../../src/cli/commands/authority/audit.ts';
import { BENCH_ROUNDS_MAX, ITEMS_MAX, ITEMS_MIN } from '../../../src/cli/commands/bench.ts';
import { LEAVE_MS_MAX, untilLeft } from '../../../src/cli/commands/node/run.ts';
import {
  LATENCY_MS_MAX,
  SIM_DISTURBANCES_MAX,
  SIM_MESSAGES_MAX,
  SIM_NODES_MAX,
} from '../../../src/cli/commands/sim.ts';
import { STREAM_FILE_BYTES_MAX } from '../../../src/cli/commands/stream/stream.ts';
import { UP_NODES_MAX } from '../../../src/cli/commands/up.ts';
import { VERIFY_FILE_BYTES_MAX } from '../../../src/cli/commands/verify.ts';
import { END_MS_MAX, untilStopped } from '../../../src/cli/signals.ts';
import { formatDuration } from '../../../src/base/duration.ts';
import { allCommands, leavesOf } from '../../support/commands.ts';
import { chainmail } from '../../support/processes/chainmail.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('bounds of what a command is asked for', () => {
  let program: Command;
  before(async () => {
    program = await allCommands();
    for (const leaf of leavesOf(program))
      leaf
        .exitOverride()
        .configureOutput({ writeErr: () => {} })
        .action(() => {});
  });

  for (const [words, good, bad] of [
    ['audit list --dir d --last', LAST_MAX, LAST_MAX + 1],
    ['bench signer --items', ITEMS_MAX, ITEMS_MAX + 1],
    ['bench signer --items', ITEMS_MIN, ITEMS_MIN - 1],
    ['bench signer --rounds', BENCH_ROUNDS_MAX, BENCH_ROUNDS_MAX + 1],
    ['sim gossip --nodes', SIM_NODES_MAX, SIM_NODES_MAX + 1],
    ['sim gossip --messages', SIM_MESSAGES_MAX, SIM_MESSAGES_MAX + 1],
    ['sim gossip --restarts', SIM_DISTURBANCES_MAX, SIM_DISTURBANCES_MAX + 1],
    ['sim gossip --breaks', SIM_DISTURBANCES_MAX, SIM_DISTURBANCES_MAX + 1],
    ['sim gossip --latency', formatDuration(LATENCY_MS_MAX), formatDuration(LATENCY_MS_MAX + 1)],
    ['up --nodes', UP_NODES_MAX, UP_NODES_MAX + 1],
  ] as const)
    it(`${words}: ${good}, and not ${bad}`, async () => {
      const run = (value: string | number) =>
        program.parseAsync([...words.split(' '), String(value)], { from: 'user' });
      await run(good);
      await assert.rejects(run(bad), { code: 'commander.invalidArgument' });
    });

  for (const [words, bytesMax] of [
    ['verify', VERIFY_FILE_BYTES_MAX],
    ['stream check', STREAM_FILE_BYTES_MAX],
  ] as const)
    it(`${words}: a file of at most ${bytesMax} bytes`, async (t) => {
      const path = join(tempDir(t), 'large');
      const file = openSync(path, 'w');
      ftruncateSync(file, bytesMax + 1); // takes no room on the disk
      closeSync(file);
      const { code, stderr } = await chainmail([...words.split(' '), path]);
      assert.equal(code, 1);
      assert.match(stderr, /(longer|larger) than/);
    });
});

describe('bounds of the time that an end takes', () => {
  it('a node that was asked to leave', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let looks = 0;
    const left = untilLeft(async () => ++looks > 0);
    let isOver = false;
    left.catch(() => (isOver = true));
    const pass = async (ms: number): Promise<void> => {
      for (; ms > 0; ms -= 50) {
        await new Promise((resolve) => setImmediate(resolve));
        t.mock.timers.tick(50);
      }
      await new Promise((resolve) => setImmediate(resolve));
    };
    await pass(LEAVE_MS_MAX - 50);
    assert.equal(isOver, false);
    await pass(50);
    await assert.rejects(left, { code: 'ERR_INTERNAL', hint: 'end its process' });
    await untilLeft(async () => false);
  });

  it('a process that was asked to end', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const exits: unknown[] = [];
    t.mock.method(process, 'exit', (code: unknown) => exits.push(code));
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    const before = signals.map((signal) => process.listeners(signal));
    t.after(() => {
      for (const [i, signal] of signals.entries())
        for (const listener of process.listeners(signal))
          if (before[i]?.includes(listener) !== true) process.off(signal, listener);
    });
    const stopped = untilStopped();
    process.emit('SIGTERM');
    await stopped;
    t.mock.timers.tick(END_MS_MAX - 1);
    assert.deepEqual(exits, []);
    t.mock.timers.tick(1);
    assert.deepEqual(exits, [1]);
  });
});
