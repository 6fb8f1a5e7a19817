import { readFileSync } from 'node:fs';
import { Command } from 'commander';

/** Runs one command line and sets `process.exitCode`. The launcher calls it once; see `bin/chainmail.mjs`. */
export async function main(argv: readonly string[]): Promise<void> {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
    readonly description: string;
  };
  const program = new Command('chainmail').description(manifest.description).version(manifest.version);
  await program.parseAsync([...argv], { from: 'user' });
}
