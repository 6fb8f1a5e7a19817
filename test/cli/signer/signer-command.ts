import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { chainmail, type ToldError } from '../../support/processes/chainmail.ts';
import { writeRecords } from '../../support/processes/signer-storm.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Runs a command that must succeed, and reads its JSON. */
export async function told<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await chainmail(['signer', ...args, '--json']);
  assert.equal(code, 0, `${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The error of a command that must be refused. */
export async function refused(...args: string[]): Promise<ToldError['error']> {
  const { code, stdout, stderr } = await chainmail(['signer', ...args, '--json']);
  assert.equal(code, 1, `${stdout}${stderr}`);
  return (JSON.parse(stdout) as ToldError).error;
}

/** A store with keys, and records to sign. */
export async function withRecords(
  t: TestContext,
  count: number,
): Promise<{ dir: string; ids: string[]; keys: string[] }> {
  const folder = tempDir(t);
  const dir = join(folder, 'records');
  const { keys } = await told<{ keys: string[] }>('keys', 'generate', '--dir', dir, '--count', '3');
  const { file, ids } = writeRecords(folder, 'records.jsonl', count);
  assert.deepEqual(await told('import', '--dir', dir, file), { imported: count, refused: 0, errors: [] });
  return { dir, ids, keys };
}
