import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATH_CHARS_MAX, quotedPath } from '../../src/base/errors.ts';

test('a long path is told by its end', () => {
  const path = (chars: number): string => '/'.padEnd(chars, 'a');
  assert.equal(quotedPath(path(PATH_CHARS_MAX)), `"${path(PATH_CHARS_MAX)}"`);
  assert.equal(quotedPath(path(PATH_CHARS_MAX + 1)), `"…${'a'.repeat(PATH_CHARS_MAX)}"`);
  assert.equal(quotedPath('a"b\n'), '"a\\"b\\n"');
});
