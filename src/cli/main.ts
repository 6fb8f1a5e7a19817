import { Command, CommanderError } from 'commander';
import { programVersion } from '../daemon/version.ts';
import { register as registerAdmin } from './commands/admin.ts';
import { register as registerAuthority } from './commands/authority.ts';
import { register as registerIndicators } from './commands/indicators.ts';
import { register as registerNode } from './commands/node.ts';
import { register as registerNodeRun } from './commands/node-run.ts';
import { register as registerNodes } from './commands/nodes.ts';
import { register as registerPeers } from './commands/peers.ts';
import { register as registerPublish } from './commands/publish.ts';
import { register as registerRecords } from './commands/records.ts';
import { register as registerRevoke } from './commands/revoke.ts';
import { register as registerSim } from './commands/sim.ts';
import { register as registerStatus } from './commands/status.ts';
import { register as registerTicket } from './commands/ticket.ts';
import { register as registerUp } from './commands/up.ts';
import { register as registerWatch } from './commands/watch.ts';
import { EXIT_OK, EXIT_USAGE } from './output.ts';

/** The families of commands, in the order in which the help shows them. */
const FAMILIES: readonly ((program: Command) => void)[] = [
  registerUp,
  registerAuthority,
  registerTicket,
  registerNodes,
  registerRevoke,
  registerAdmin,
  registerNode,
  registerNodeRun,
  registerPublish,
  registerWatch,
  registerIndicators,
  registerPeers,
  registerRecords,
  registerStatus,
  registerSim,
];

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
