import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ALL_TARGETS } from '../support/fuzz/all-targets.ts';
import type { FuzzTarget } from '../support/fuzz/target.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A seed of the day, told with every failure; `CHAINMAIL_FUZZ_SEED` repeats one. */
const SEED = process.env['CHAINMAIL_FUZZ_SEED'] ?? new Date().toISOString().slice(0, 10);
/** Fewer than a target's own number, for a quick look. */
const INPUTS_MAX = Number(process.env['CHAINMAIL_FUZZ_INPUTS'] ?? Number.POSITIVE_INFINITY);
/** Heap of the child: what parsers need, and not what an input claims. */
const HEAP_MIB_MAX = 256;
/** A child that says nothing so long is stuck in one input. */
const SILENT_MS_MAX = 60_000;

const CHILD = fileURLToPath(new URL('../support/fuzz/fuzz-child.ts', import.meta.url));

describe(`a million inputs a parser, seed ${SEED} (X.30, T17)`, () => {
  const folder = tempDir({ after });
  for (const target of ALL_TARGETS)
    it(target.name, async (t) => t.diagnostic(await feedInChild(target, join(folder, target.name))));
});

/** @returns the last thing it said. */
async function feedInChild({ name, soakInputs }: FuzzTarget, file: string): Promise<string> {
  const inputs = Math.min(soakInputs, INPUTS_MAX);
  const args = [`--max-old-space-size=${HEAP_MIB_MAX}`, '--disable-warning=ExperimentalWarning', CHILD];
  const child = spawn(process.execPath, [...args, name, SEED, String(inputs), file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [said, complaint, isStuck] = ['', '', false];
  const stop = (): void => {
    isStuck = true;
    child.kill('SIGKILL');
  };
  let watchdog = setTimeout(stop, SILENT_MS_MAX);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said = text.trimEnd().split('\n').at(-1) ?? said;
    clearTimeout(watchdog);
    watchdog = setTimeout(stop, SILENT_MS_MAX);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-20_000)));
  const code = await new Promise((resolve) => child.once('close', (exit, signal) => resolve(exit ?? signal)));
  clearTimeout(watchdog);
  const last = (): string =>
    `seed ${SEED}, after ${said}, input ${readFileSync(file).toString('hex').slice(0, 20_000)}`;
  assert.equal(isStuck, false, `${name} hangs; ${last()}`);
  assert.equal(code, 0, `${name} ended with ${String(code)}; ${complaint}\n${last()}`);
  return said;
}
