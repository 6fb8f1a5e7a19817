import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { fromHex } from '../../../src/base/bytes.ts';
import { feedOne, runFuzz } from './run-fuzz.ts';
import type { FuzzTarget } from './target.ts';

const REGRESSIONS = join(import.meta.dirname, '..', '..', 'fuzz', 'regressions');

/** Always the same inputs, so that a change is judged and not its luck; `CHAINMAIL_FUZZ_SEED` gives others. */
const SEED = process.env['CHAINMAIL_FUZZ_SEED'] ?? '1';

/** For each target: what once was mishandled, then some thousand inputs. */
export function fuzzAll(targets: readonly FuzzTarget[]): void {
  for (const target of targets) {
    for (const name of regressionsOf(target))
      it(`${target.name}, once mishandled: ${name}`, async () => {
        const subject = await target.open();
        const text = readFileSync(join(REGRESSIONS, target.name, name), 'utf8');
        try {
          const input = name.endsWith('.sql') ? subject.afterSql?.(text) : fromHex(text.replace(/\s+/g, ''));
          await feedOne(target, subject, input ?? assert.fail(`${name} is of another kind than its target`));
        } finally {
          await subject.close?.();
        }
      });
    it(`${target.name}, ${target.inputs} inputs`, async (t) => {
      const { taken, refused } = await runFuzz(target, { seed: SEED, inputs: target.inputs });
      t.diagnostic(`${taken} taken, ${refused} refused`);
    });
  }
}

function regressionsOf({ name }: FuzzTarget): readonly string[] {
  const folder = join(REGRESSIONS, name);
  return existsSync(folder) ? readdirSync(folder).filter((file) => /\.(hex|sql)$/.test(file)) : [];
}
