import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, after, describe, it } from 'node:test';
import { chainmail, type ToldError } from '../../support/processes/chainmail.ts';
import { allCommands, examplesIn, helpOf, leavesOf, nameOf } from '../../support/commands.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** These make their directory. */
const MAKERS = new Set(['chainmail authority init', 'chainmail node enroll']);
/** Processes at once: the machine has other work. */
const AT_ONCE = 4;

/** Each command that works on a directory of this kind, as its own help shows it, without the directory. */
async function commandsOn(kind: 'node' | 'authority'): Promise<readonly (readonly string[])[]> {
  const leaves = leavesOf(await allCommands()).filter(
    (leaf) =>
      !MAKERS.has(nameOf(leaf)) &&
      leaf.options.some(({ long, description }) => long === '--dir' && description === `directory of the ${kind}`),
  );
  return leaves.map((leaf) => {
    const words = examplesIn(helpOf(leaf)).find((each) => each.includes('--dir')) ?? [];
    const at = words.indexOf('--dir');
    return words.toSpliced(at, 2);
  });
}

/** No passphrase can be found anywhere: none is wanted before the directory is looked at. */
async function errorsOn(kind: 'node' | 'authority', dir: string): Promise<readonly [string, ToldError['error']][]> {
  const commands = [...(await commandsOn(kind))];
  assert.ok(commands.length > 8, 'commands were found');
  const errors: [string, ToldError['error']][] = [];
  const work = async (): Promise<void> => {
    for (let words = commands.shift(); words !== undefined; words = commands.shift()) {
      const { code, stdout, stderr } = await chainmail([...words, '--dir', dir, '--json']);
      assert.equal(code, 1, `${words.join(' ')}: ${stdout}${stderr}`);
      errors.push([words.join(' '), (JSON.parse(stdout) as ToldError).error]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return errors;
}

describe('commands on a directory that is not what they need', () => {
  const folder = tempDir({ after });
  const empty = join(folder, 'empty');
  const file = join(folder, 'file');
  const authority = join(folder, 'authority');
  const node = join(folder, 'node');

  before(async () => {
    mkdirSync(empty);
    mkdirSync(node);
    writeFileSync(file, '');
    writeFileSync(join(node, 'enrollment.json'), '{}');
    const passphrase = join(folder, 'passphrase');
    writeFileSync(passphrase, 'x\n', { mode: 0o600 });
    const init = ['authority', 'init', '--dir', authority, '--mesh', 'depot', '--passphrase-file', passphrase];
    assert.equal((await chainmail(init)).code, 0);
  });

  for (const kind of ['authority', 'node'] as const) {
    const how = kind === 'authority' ? 'chainmail authority init --dir' : 'chainmail node enroll --dir';

    it(`of ${kind}: is not there`, async () => {
      for (const [words, { code, message, hint }] of await errorsOn(kind, join(folder, 'nowhere'))) {
        assert.equal(code, 'ERR_DIR_NOT_INITIALISED', words);
        assert.match(message, /does not exist/, words);
        assert.ok(hint?.includes(how), words);
      }
    });

    it(`of ${kind}: is empty`, async () => {
      for (const [words, { code, hint }] of await errorsOn(kind, empty)) {
        assert.equal(code, 'ERR_DIR_NOT_INITIALISED', words);
        assert.ok(hint?.includes(how), words);
      }
    });

    it(`of ${kind}: is of the other kind`, async () => {
      for (const [words, { code, message }] of await errorsOn(kind, kind === 'node' ? authority : node)) {
        assert.equal(code, 'ERR_DIR_NOT_INITIALISED', words);
        assert.match(message, /is the directory of an? (authority|node), expected/, words);
      }
    });

    it(`of ${kind}: is a file`, async () => {
      for (const [words, { code, message }] of await errorsOn(kind, file)) {
        assert.equal(code, 'ERR_CONFIG', words);
        assert.match(message, /is no directory/, words);
      }
    });
  }

  it('makers of a directory look whose it is before they ask for a passphrase', async () => {
    const ticket = join(folder, 'ticket');
    const told = async (...words: string[]): Promise<string> => {
      const { stdout, stderr } = await chainmail([...words, '--json']);
      assert.notEqual(stdout, '', stderr);
      return (JSON.parse(stdout) as ToldError).error.code;
    };
    assert.equal(await told('node', 'enroll', '--dir', authority, '--ticket', ticket), 'ERR_DIR_EXISTS');
    assert.equal(await told('authority', 'init', '--dir', node, '--mesh', 'depot'), 'ERR_DIR_EXISTS');
    assert.equal(await told('authority', 'init', '--dir', authority, '--mesh', 'depot'), 'ERR_DIR_EXISTS');
  });
});
