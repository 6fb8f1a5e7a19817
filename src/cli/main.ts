import { Command, CommanderError } from 'commander';
import { programVersion } from '../daemon/version.ts';
import { beSmall } from '../host/machine/process-memory.ts';
import { endWithReader, EXIT_OK, EXIT_USAGE } from './output.ts';

/** A command or group of commands, loaded when it is called: a running node carries no other command's code. */
interface Family {
  /** The first word of the command line. */
  readonly name: string;
  readonly load: () => Promise<readonly { readonly register: (program: Command) => void }[]>;
}

/** In the order in which the help shows them. */
const FAMILIES: readonly Family[] = [
  { name: 'up', load: async () => [await import('./commands/up.ts')] },
  { name: 'authority', load: async () => [await import('./commands/authority/authority.ts')] },
  { name: 'ticket', load: async () => [await import('./commands/authority/ticket.ts')] },
  { name: 'nodes', load: async () => [await import('./commands/authority/nodes.ts')] },
  { name: 'revoke', load: async () => [await import('./commands/authority/revoke.ts')] },
  { name: 'audit', load: async () => [await import('./commands/authority/audit.ts')] },
  { name: 'admin', load: async () => [await import('./commands/authority/admin.ts')] },
  { name: 'node', load: async () => [await import('./commands/node/node.ts'), await import('./commands/node/run.ts')] },
  { name: 'publish', load: async () => [await import('./commands/node/publish.ts')] },
  { name: 'watch', load: async () => [await import('./commands/node/watch.ts')] },
  { name: 'indicators', load: async () => [await import('./commands/node/indicators.ts')] },
  { name: 'peers', load: async () => [await import('./commands/node/peers.ts')] },
  { name: 'records', load: async () => [await import('./commands/node/records.ts')] },
  { name: 'status', load: async () => [await import('./commands/node/status.ts')] },
  {
    name: 'signer',
    load: async () => [await import('./commands/signer/signer.ts'), await import('./commands/signer/run.ts')],
  },
  { name: 'key', load: async () => [await import('./commands/key.ts')] },
  { name: 'request', load: async () => [await import('./commands/request.ts')] },
  {
    name: 'stream',
    load: async () => [
      await import('./commands/stream/stream.ts'),
      await import('./commands/stream/serve.ts'),
      await import('./commands/stream/revoke.ts'),
      await import('./commands/stream/client.ts'),
    ],
  },
  {
    name: 'delegate',
    load: async () => [await import('./commands/delegate/delegate.ts'), await import('./commands/delegate/sign.ts')],
  },
  { name: 'bench', load: async () => [await import('./commands/bench.ts')] },
  { name: 'verify', load: async () => [await import('./commands/verify.ts')] },
  { name: 'doctor', load: async () => [await import('./commands/doctor.ts')] },
  { name: 'sim', load: async () => [await import('./commands/sim.ts')] },
];

/**
 * Runs one command line and sets `process.exitCode`: 0 done, 1 refused, 2 wrong usage. The launcher calls it once; see
 * `bin/chainmail.mjs`.
 */
export async function main(argv: readonly string[]): Promise<void> {
  endWithReader();
  if (argv[0] === 'node' && argv[1] === 'run') beSmall();
  const program = await createProgram(argv[0]);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    // Commander has said on standard error what is wrong, or printed the help or version that was asked for.
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  }
}

/** The command line as far as `word` needs it; whole where that is no command's name. */
async function createProgram(word: string | undefined): Promise<Command> {
  const program = new Command('chainmail')
    .description('A zero-trust mesh for fleets that go offline.')
    .version(programVersion())
    .configureOutput({ outputError: (text, write) => write(`chainmail: ${text}`) })
    .showHelpAfterError('(chainmail --help, or --help after a command, shows what it takes)')
    .exitOverride();
  const called = FAMILIES.filter(({ name }) => name === word);
  for (const { load } of called.length > 0 ? called : FAMILIES)
    for (const { register } of await load()) register(program);
  return program;
}
