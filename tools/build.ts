/**
 * `npm run build`, and before `npm pack`: writes the program as JavaScript to `dist/`, because Node.js strips no types
 * below `node_modules`. Without comments: a process keeps the text of all that it has loaded. The declarations have them, for
 * whoever reads these in an editor.
 */

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { filesUnder, REPOSITORY } from './repository.ts';
import { runTool } from './tool.ts';

process.exitCode = await build();

async function build(): Promise<number> {
  rmSync(join(REPOSITORY, 'dist'), { recursive: true, force: true });
  for (const project of ['tsconfig.build.json', 'tsconfig.declarations.json']) {
    const { code, output } = await runTool('tsc', ['-p', project]);
    process.stderr.write(output);
    if (code !== 0) return code;
  }
  const files = filesUnder('dist', '.js');
  // The compiler rewrites imports, not addresses: a worker named by `new URL('./x.ts', …)` would not be found.
  const stale = files.filter((file) =>
    /new URL\(['"`][^'"`]*\.ts['"`]/.test(readFileSync(join(REPOSITORY, file), 'utf8')),
  );
  for (const file of stale)
    console.error(`${file}: new URL('….ts') names a source; build the ending from import.meta.url`);
  console.error(`dist: ${files.length} modules`);
  return stale.length === 0 ? 0 : 1;
}
