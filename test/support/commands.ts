import { readdirSync } from 'node:fs';
import { Command } from 'commander';

const FOLDER = new URL('../../src/cli/commands/', import.meta.url);

/** The commands of all files, `node` before what hangs on it. Nothing that they do is done. */
export async function allCommands(): Promise<Command> {
  const program = new Command('chainmail').exitOverride();
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  for (const file of files.toSorted((a, b) => placeOf(a).localeCompare(placeOf(b)))) {
    const { register } = (await import(new URL(file, FOLDER).href)) as {
      register?: (program: Command) => void;
    };
    register?.(program); // what several commands share has none
  }
  return program;
}

/** `node/node.ts` makes the group that `node/run.ts` hangs on, so it goes before all others of its folder. */
function placeOf(file: string): string {
  return file.replace(/(\w+)\/\1\.ts$/, '$1').replace('.ts', '');
}

export function leavesOf(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
}

export function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

export function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

/** The calls of this program behind `$ `, one a part of a pipe, in words as a shell parts them. */
export function examplesIn(help: string): readonly (readonly string[])[] {
  const lines = (help.split('\nExample:\n')[1] ?? '').split('\n').filter((line) => line.startsWith('  $ '));
  const calls = lines.flatMap((line) => line.split(/ [|;] | && /)).filter((part) => part.includes('chainmail '));
  return calls.map((call) => {
    const words = call.slice(call.indexOf('chainmail ')).split(/ 2?[<>]/)[0] ?? '';
    return Array.from(words.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g), ([, a, b, c]) => a ?? b ?? c ?? '').slice(1);
  });
}
