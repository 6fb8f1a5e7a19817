import { resolve } from 'node:path';
import type { Command } from 'commander';
import { NodeDesk } from '../daemon/node-desk.ts';

export interface NodeDirectoryOptions {
  readonly dir: string;
}

/** The option of every command that works on a node's directory. */
export function withNodeDirectory(command: Command): Command {
  return command.requiredOption('--dir <dir>', 'directory of the node');
}

/** The node that runs on a command's directory. @throws ERR_DIR_NOT_INITIALISED */
export function nodeDeskOf({ dir }: NodeDirectoryOptions): NodeDesk {
  return new NodeDesk(resolve(dir));
}
