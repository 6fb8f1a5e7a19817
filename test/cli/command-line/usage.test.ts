import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { chainmail } from '../../support/processes/chainmail.ts';
import { tempDir } from '../../support/temp-dir.ts';

const folder = tempDir({ after });
const dir = join(folder, 'ca');

describe('wrong usage exits 2, with words of the command line, before anything is done', () => {
  for (const [args, said] of [
    [['up', '--dir', ''], /--dir <dir> is empty/],
    [['authority', 'run', '--dir', ''], /--dir <dir> is empty/],
    [['node', 'enroll', '--dir', dir, '--ticket', ''], /--ticket <file> is empty/],
    [['ticket', 'create', '--dir', dir, '--out', ''], /--out <file> is empty/],
    [['signer', 'stats', '--dir', dir, '--keys', ''], /--keys|unknown option/],
    [['signer', 'run', '--dir', dir, '--listen', '127.0.0.1:0', '--token-file', ''], /--token-file <file> is empty/],
    [['authority', 'init', '--dir', dir, '--mesh', ''], /--mesh/],
    [['ticket', 'create', '--dir', dir, '--out', join(folder, 't'), '--node-id', ''], /--node-id/],
    [['ticket', 'create', '--dir', dir, '--out', join(folder, 't'), '--endpoint', 'http://x:1'], /--endpoint.*https:/],
    [['revoke', '--dir', dir, '--key', 'ab'], /--key.*32 octets of hex/],
    [['revoke', '--dir', dir, '--node-id', 'gate-7', '--reason', 'keycompromize'], /--reason.*RFC 5280/],
    [['revoke', '--dir', dir, '--node-id', 'gate-7', '--reason', 'certificateHold'], /--reason.*for good/],
  ] as const)
    it(
      args
        .filter((word) => !word.startsWith('/'))
        .map((word) => word || '""')
        .join(' '),
      async () => {
        const { code, stderr, stdout } = await chainmail([...args, '--json']);
        assert.deepEqual([code, stdout], [2, ''], stderr);
        assert.match(stderr, said);
        assert.doesNotMatch(stderr, /\$\./, 'no path inside a document');
        assert.deepEqual(readdirSync(folder), []);
      },
    );
});
