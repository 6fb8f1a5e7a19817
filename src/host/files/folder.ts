import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it that are missing, for their owner alone; one that is there is left as it is.
 *
 * Not `mkdir` with `recursive`: where a file system says of a folder that it cannot be made «no such file», as that of
 * /proc does, Node.js 26 makes its parent again and again, for ever and deaf to signals.
 *
 * @throws what the system says
 */
export function makeFolder(path: string): void {
  const whole = resolve(path);
  const missing: string[] = [];
  for (let folder = whole; !existsSync(folder) && folder !== dirname(folder); folder = dirname(folder))
    missing.unshift(folder);
  for (const folder of missing) makeOne(folder);
  if (!statSync(whole).isDirectory()) throw new Error('it is no directory');
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another process was first
  }
}
