import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readInputFile } from '../../../src/host/files/input-file.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('a file that the user names', () => {
  it('is read whole, in however many pieces', (t) => {
    for (const length of [0, 1, 256 * 1024, 700_000]) {
      const path = join(tempDir(t), 'file');
      const bytes = Uint8Array.from({ length }, (_, i) => i % 251);
      writeFileSync(path, bytes);
      assert.ok(Buffer.from(readInputFile(path, length)).equals(bytes), String(length));
    }
  });

  it('is refused beyond its limit, also where it has no end, in the words of who asks', (t) => {
    const path = join(tempDir(t), 'file');
    writeFileSync(path, new Uint8Array(11));
    assert.throws(() => readInputFile(path, 10), { code: 'ERR_INPUT', message: /larger than 10 bytes/ });
    assert.throws(() => readInputFile('/dev/zero', 1_000_000, 'ERR_TICKET_MALFORMED', 'look'), {
      code: 'ERR_TICKET_MALFORMED',
      message: /larger than 1000000 bytes/,
      hint: 'look',
    });
    assert.throws(() => readInputFile(join(path, 'below'), 10), { code: 'ERR_INPUT', message: /cannot be read/ });
  });
});
