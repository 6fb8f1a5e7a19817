import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LongCommand } from '../support/processes/chainmail.ts';
import { missing } from '../support/foreign/programs.ts';
import { tempDir } from '../support/temp-dir.ts';

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/STREAMS.md', import.meta.url)), 'utf8');
const LAUNCHER = fileURLToPath(new URL('../../bin/chainmail.mjs', import.meta.url));

describe('docs/STREAMS.md', { skip: missing('bash', 'curl') }, () => {
  it('says nothing that does not work', async () => {
    const folder = tempDir({ after });
    const blocks = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
    const served = blocks.find((text) => text.includes('stream serve'));
    assert.match(served ?? '', /^chainmail stream serve --dir streams --listen 127\.0\.0\.1:5170\n$/);
    const server = new LongCommand(['stream', 'serve', '--dir', folder, '--listen', '127.0.0.1:0', '--json']);
    after(() => server.end());
    const { url } = await server.json<{ url: string }>();
    const typed = blocks.filter((text) => text !== served).join('\n');
    // `!` hides a failure from `set -e`, so each such line is made to fail by itself.
    const script = typed.replaceAll('http://127.0.0.1:5170', url).replace(/^! (.*)$/gm, 'if $1; then exit 3; fi');
    const chainmail = `chainmail() { '${process.execPath}' '${LAUNCHER}' "$@"; }`;
    const run = spawnSync('bash', ['-c', `set -eo pipefail\n${chainmail}\n${script}\necho; echo all done`], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.equal(run.status, 0, run.stderr + run.stdout);
    assert.match(run.stdout, /"graffiti":"chainmail"/);
    assert.match(run.stdout, /0xd929[0-9a-f]{36}, a device of 0x5d5c99ed/);
    assert.match(run.stdout, /all done\n$/);
  });
});
