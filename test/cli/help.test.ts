import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { Command } from 'commander';

const FOLDER = new URL('../../src/cli/commands/', import.meta.url);

/** The commands of all files, `node` before what hangs on it. Nothing that they do is done. */
async function allCommands(): Promise<Command> {
  const program = new Command('chainmail').exitOverride();
  const files = readdirSync(FOLDER).toSorted((a, b) => a.replace('.ts', '').localeCompare(b.replace('.ts', '')));
  for (const file of files) {
    const { register } = (await import(new URL(file, FOLDER).href)) as { register: (program: Command) => void };
    register(program);
  }
  return program;
}

function leavesOf(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

/** The calls of this program behind `$ `, one a part of a pipe, in words as a shell parts them. */
function examplesIn(help: string): readonly (readonly string[])[] {
  const lines = (help.split('\nExample:\n')[1] ?? '').split('\n').filter((line) => line.startsWith('  $ '));
  const calls = lines.flatMap((line) => line.split(/ [|;] | && /)).filter((part) => part.includes('chainmail '));
  return calls.map((call) => {
    const words = call.slice(call.indexOf('chainmail ')).split(/ 2?[<>]/)[0] ?? '';
    return Array.from(words.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g), ([, a, b, c]) => a ?? b ?? c ?? '').slice(1);
  });
}

describe('the help of every command', () => {
  let program: Command;
  const done: string[] = [];

  before(async () => {
    program = await allCommands();
    for (const leaf of leavesOf(program)) {
      leaf.exitOverride().action(() => void done.push(nameOf(leaf)));
    }
  });

  it('has a worked example, whose words the command itself takes', async () => {
    for (const leaf of leavesOf(program)) {
      const name = nameOf(leaf);
      const examples = examplesIn(helpOf(leaf));
      assert.ok(examples.length > 0, `${name} has no example`);
      for (const words of examples) {
        await assert.doesNotReject(program.parseAsync([...words], { from: 'user' }), `${name}: ${words.join(' ')}`);
      }
      assert.ok(done.splice(0).includes(name), `the example of ${name} shows another command`);
    }
  });

  it('says what every option is for, and every command takes --json', () => {
    for (const leaf of leavesOf(program)) {
      for (const { long, description } of leaf.options) assert.notEqual(description, '', `${nameOf(leaf)} ${long}`);
      assert.ok(
        leaf.options.some(({ long }) => long === '--json'),
        nameOf(leaf),
      );
    }
  });
});
