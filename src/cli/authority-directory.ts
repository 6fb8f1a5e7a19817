import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { AuthorityDesk } from '../daemon/authority/desk.ts';
import { readPassphrase } from '../daemon/passphrase.ts';

export interface AuthorityDirectoryOptions {
  readonly dir: string;
  readonly passphraseFile?: string;
}

/** Options of every command that works on an authority's directory. */
export function withAuthorityDirectory(command: Command): Command {
  return command
    .requiredOption('--dir <dir>', 'directory of the authority')
    .option('--passphrase-file <file>', 'file whose first line opens the keys (default: DIR/passphrase, or a prompt)');
}

/** The authority of a command's directory, running or not; see `withAuthority`. Loaded when needed: it is half of the program. */
export async function atAuthority<T>(
  options: AuthorityDirectoryOptions,
  use: (desk: AuthorityDesk) => Promise<T>,
): Promise<T> {
  const { withAuthority } = await import('../daemon/authority/desk.ts');
  const passphrase = () => readPassphrase(passphraseSources(options));
  return withAuthority({ directory: resolve(options.dir), environment: process.env, passphrase }, use);
}

/** Where the passphrase of its keys is looked for. */
export function passphraseSources({ dir, passphraseFile }: AuthorityDirectoryOptions) {
  return { directory: resolve(dir), file: passphraseFile, environment: process.env };
}
