import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseTicket, type Ticket } from '../../../src/api/ticket.ts';
import { chainmail, LongCommand, type ToldError } from '../../support/processes/chainmail.ts';
import { tempDir } from '../../support/temp-dir.ts';

type Context = Parameters<typeof tempDir>[0];

export interface Ready {
  readonly event: string;
  readonly url: string;
  readonly mesh: string;
}

/** An authority's directory with its passphrase in it, made by the command itself. */
export async function initialised(
  t: Context,
  mesh = 'depot',
): Promise<{ readonly dir: string; readonly folder: string }> {
  const folder = tempDir(t);
  const dir = join(folder, mesh);
  mkdirSync(dir, { mode: 0o700 });
  writeFileSync(join(dir, 'passphrase'), 'correct horse\n', { mode: 0o600 });
  const { code, stderr } = await chainmail(['authority', 'init', '--dir', dir, '--mesh', mesh]);
  assert.equal(code, 0, stderr);
  return { dir, folder };
}

/** `authority run` there, once it listens. */
export async function runAuthority(
  t: Context,
  dir: string,
  ...more: string[]
): Promise<LongCommand & { ready: Ready }> {
  const command = new LongCommand(['authority', 'run', '--dir', dir, '--listen', '127.0.0.1:0', '--json', ...more]);
  t.after(() => {
    void command.end('SIGKILL');
  });
  return Object.assign(command, { ready: await command.json<Ready>() });
}

/** A ticket that the authority of this directory made. */
export async function ticketOf(dir: string, file: string, ...more: string[]): Promise<Ticket> {
  const { code, stderr } = await chainmail(['ticket', 'create', '--dir', dir, '--out', file, ...more]);
  assert.equal(code, 0, stderr);
  return parseTicket(readFileSync(file, 'utf8'));
}

/** What a command that is refused tells with `--json`. */
export async function refusal(...args: string[]): Promise<ToldError['error']> {
  const { code, stdout, stderr } = await chainmail([...args, '--json']);
  assert.equal(code, 1, `${stdout}${stderr}`);
  const told = JSON.parse(stdout) as ToldError;
  assert.equal(told.ok, false);
  return told.error;
}
