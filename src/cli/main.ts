import { Command, CommanderError } from 'commander';
import { programVersion } from '../daemon/version.ts';
import { register as registerAuthority } from './commands/authority.ts';
import { register as registerNode } from './commands/node.ts';
import { register as registerTicket } from './commands/ticket.ts';
import { EXIT_OK, EXIT_USAGE } from './output.ts';

/** The families of commands, in the order in which the help shows them. */
const FAMILIES: readonly ((program: Command) => void)[] = [registerAuthority, registerTicket, registerNode];

/**
 * Runs one command line and sets `process.exitCode`: 0 done, 1 refused, 2 wrong usage. The launcher calls it once; see
 * `bin/chainmail.mjs`.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const program = createProgram();
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    // Commander has said on standard error what is wrong, or printed the help or version that was asked for.
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  }
}

/** The whole command line; completion and documentation read it too. */
function createProgram(): Command {
  const program = new Command('chainmail')
    .description('A zero-trust mesh for fleets that go offline.')
    .version(programVersion())
    .configureOutput({ outputError: (text, write) => write(`chainmail: ${text}`) })
    .showHelpAfterError('(chainmail --help, or --help after a command, shows what it takes)')
    .exitOverride();
  for (const register of FAMILIES) register(program);
  return program;
}
