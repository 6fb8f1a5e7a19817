import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { BRANCH_PURPOSE } from '../../src/identity/delegate/branch.ts';
import { chainmail } from '../support/processes/chainmail.ts';

const PAGE = readFileSync(new URL('../../docs/WHO-MAY-SIGN.md', import.meta.url), 'utf8');

describe('docs/WHO-MAY-SIGN.md (S0.14)', () => {
  it('names commands and options that there are', async () => {
    const commands = PAGE.match(/chainmail (?:delegate|key|revoke|publish|ticket|stream)(?: [a-z]+)?/g) ?? [];
    const options = new Set(PAGE.match(/(?<=[ `])--[a-z][a-z-]*/g) ?? []);
    assert.ok(commands.length > 10);
    let help = '';
    for (const command of new Set(commands.map((text) => text.trim()))) {
      const { code, stdout } = await chainmail([...command.split(' ').slice(1), '--help']);
      assert.equal(code, 0, command);
      help += stdout;
    }
    for (const option of options) assert.ok(help.includes(option), `${option} is no option of them`);
  });

  it('shows sign, relay and verify, and the path of a subtree as it is', () => {
    for (const word of ['sign with own key', 'gate', 'trust anchor', 'revocation list'])
      assert.ok(PAGE.includes(word), word);
    assert.ok(PAGE.includes(`m/${BRANCH_PURPOSE}'/`));
  });
});
