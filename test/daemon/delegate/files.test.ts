import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DELEGATE_FILE_BYTES_MAX, readStatement } from '../../../src/daemon/delegate/files.ts';
import { tempDir } from '../../support/temp-dir.ts';

test('a file of a key or a statement has so many bytes at most', (t) => {
  const path = join(tempDir(t), 'statement');
  writeFileSync(path, new Uint8Array(DELEGATE_FILE_BYTES_MAX).fill(0x84));
  assert.equal(readStatement(path).length, DELEGATE_FILE_BYTES_MAX);
  writeFileSync(path, new Uint8Array(DELEGATE_FILE_BYTES_MAX + 1).fill(0x84));
  assert.throws(() => readStatement(path), { code: 'ERR_INPUT', message: /larger than/ });
});
