import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for one test or suite (`{ after }` of `node:test`), gone when that ends. */
export function tempDir(t: { readonly after: (fn: () => void) => void }): string {
  const path = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
