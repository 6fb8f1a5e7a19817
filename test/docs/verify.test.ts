import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it, after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Kit, makeVerifyKit } from '../support/verify-kit.ts';
import { missing } from '../support/foreign/programs.ts';
import { tempDir } from '../support/temp-dir.ts';

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/VERIFY.md', import.meta.url)), 'utf8');
const LAUNCHER = fileURLToPath(new URL('../../bin/chainmail.mjs', import.meta.url));

describe('docs/VERIFY.md', { skip: missing('bash') }, () => {
  const folder = tempDir({ after });
  let kit: Kit;

  before(async () => {
    kit = await makeVerifyKit();
    for (const [name, bytes] of Object.entries(kit.files)) writeFileSync(join(folder, name), bytes);
  });

  it('says nothing that does not work', () => {
    const blocks = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, text]) => text);
    assert.ok(blocks.length >= 5);
    const script = `set -e\nchainmail() { "${process.execPath}" "${LAUNCHER}" "$@"; }\n${blocks.join('\n')}\necho all done`;
    // `!` hides a failure from `set -e`, so each such line is made to fail by itself.
    const run = spawnSync('bash', ['-c', script.replace(/^! (.*)$/gm, 'if $1; then exit 3; fi')], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.equal(run.status, 0, run.stderr + run.stdout);
    assert.match(run.stdout, /all done\n$/);
    assert.doesNotMatch(run.stdout, new RegExp(kit.token), 'a token is a secret');
  });
});
