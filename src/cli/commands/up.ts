import { resolve } from 'node:path';
import type { Command } from 'commander';
import { act, addCommand, durationOption, integerOption } from '../command.ts';
import { EXIT_REFUSED } from '../output.ts';
import { onStopWish } from '../signals.ts';
import { UpView } from '../up-view.ts';

/** Nodes that one machine is asked to carry; each is a process of some 70 MiB. */
export const UP_NODES_MAX = 50;

interface UpOptions {
  readonly nodes: number;
  readonly dir?: string;
  readonly for?: number;
}

export function register(program: Command): void {
  addCommand(
    program,
    'up',
    'bring up an authority and some nodes on this machine, and show a message spread and a node shut out',
    'chainmail up\nchainmail up --nodes 8 --dir /tmp/mesh\nchainmail up --for 30s --json',
  )
    .option('--nodes <n>', 'nodes to start', integerOption(1, UP_NODES_MAX), 5)
    .option('--dir <dir>', 'keep everything there (default: a temporary folder, removed at the end)')
    .option(
      '--for <time>',
      'end after this time, but not before the story is told (default: on Ctrl-C)',
      durationOption,
    )
    .action(
      act<UpOptions>(async ({ output, options }) => {
        const view = new UpView((line) => output.event(undefined, line));
        const interrupted = new AbortController();
        const impatient = new AbortController();
        onStopWish(
          () => interrupted.abort(),
          () => impatient.abort(),
        );
        const { up } = await import('../../daemon/up/up.ts'); // half of the program: a signal may come meanwhile
        const ok = await up({
          nodes: options.nodes,
          directory: options.dir === undefined ? undefined : resolve(options.dir),
          forMs: options.for,
          signal: interrupted.signal,
          impatient: impatient.signal,
          onEvent: (event) => (output.isJson ? output.event(event) : view.handle(event)),
        });
        if (!ok && !interrupted.signal.aborted) process.exitCode = EXIT_REFUSED;
      }),
    );
}
