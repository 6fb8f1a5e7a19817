import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Command } from 'commander';
import { allCommands, examplesIn, helpOf, leavesOf, nameOf } from '../../support/commands.ts';

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
