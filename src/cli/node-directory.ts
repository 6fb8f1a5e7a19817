import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { z } from 'zod';
import type { HeldQuestion } from '../daemon/node/at-rest.ts';
import { NodeDesk } from '../daemon/node/desk.ts';
import type { Output } from './output.ts';

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

/** What the node of a command's directory holds. Where none runs that is told on standard error, and its store is read. */
export async function heldBy<S extends z.ZodType>(
  { dir }: NodeDirectoryOptions,
  output: Output,
  question: HeldQuestion<S>,
): Promise<z.output<S>> {
  const { askHeld } = await import('../daemon/node/at-rest.ts');
  const { answer, isRunning } = await askHeld(resolve(dir), question);
  if (!isRunning) output.note(`chainmail: no node runs in ${dir}: this is what it held when it ended`);
  return answer;
}
