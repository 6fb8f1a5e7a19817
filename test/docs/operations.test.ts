import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PASSPHRASE, startAuthority } from '../support/processes/authority-process.ts';
import { missing } from '../support/foreign/programs.ts';
import { tempDir } from '../support/temp-dir.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/chainmail.mjs', import.meta.url));
const PAGE = readFileSync(fileURLToPath(new URL('../../docs/OPERATIONS.md', import.meta.url)), 'utf8');

/** What a reader of «Administrators» types. */
function blocks(): readonly string[] {
  const section = /^### Administrators$([\s\S]*?)^### /m.exec(PAGE)?.[1] ?? '';
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
}

describe('OPERATIONS, administrators', { skip: missing('bash', 'openssl', 'awk') }, () => {
  it('an access key lists the nodes, with what is on every machine', async () => {
    const folder = tempDir({ after });
    const directory = join(folder, 'ca');
    const running = await startAuthority(directory);
    after(() => running.close());
    writeFileSync(join(directory, 'passphrase'), PASSPHRASE, { mode: 0o600 });
    const script = blocks()
      .join('\n')
      .replaceAll('/var/lib/chainmail', directory)
      .replaceAll('root.pem', join(directory, 'root.pem'))
      .replaceAll('ca.depot.example:8440', new URL(running.url).host);
    const program = `set -euo pipefail\nchainmail() { '${process.execPath}' '${LAUNCHER}' "$@"; }\n${script}`;
    const { stdout } = await promisify(execFile)('bash', ['-c', program], { cwd: folder });
    assert.match(stdout, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(stdout, /\r\n\r\n\{"nodes":\[\]\}$/);
  });
});
