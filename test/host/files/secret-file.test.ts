import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readSecretFile, SECRET_FILE_BYTES_MAX } from '../../../src/host/files/secret-file.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('the file of a secret', () => {
  it('is read up to its bound, and refused beyond', (t) => {
    const path = join(tempDir(t), 'secret');
    writeFileSync(path, new Uint8Array(SECRET_FILE_BYTES_MAX), { mode: 0o600 });
    assert.equal(readSecretFile(path)?.length, SECRET_FILE_BYTES_MAX);
    writeFileSync(path, new Uint8Array(SECRET_FILE_BYTES_MAX + 1));
    assert.throws(() => readSecretFile(path), { code: 'ERR_STATE_CORRUPT' });
  });

  it('is none where there is no file, and refused where others may read it', (t) => {
    const path = join(tempDir(t), 'secret');
    assert.equal(readSecretFile(path), undefined);
    writeFileSync(path, 'x', { mode: 0o640 });
    assert.throws(() => readSecretFile(path), { code: 'ERR_KEY_FILE_MODE' });
  });
});
