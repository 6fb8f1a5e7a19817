import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A folder of its own for one test, gone when the test ends. */
export function tempDir(t: Pick<TestContext, 'after'>): string {
  const path = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
