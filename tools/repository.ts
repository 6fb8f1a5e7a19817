import { readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** The folder that holds package.json. Tools may be started from anywhere; they work here. */
export const REPOSITORY = dirname(import.meta.dirname);

/** Files below a folder of the repository, as sorted paths relative to the repository, with `/`. */
export function filesUnder(folder: string, ending: string): readonly string[] {
  return readdirSync(resolve(REPOSITORY, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => pathInRepository(join(entry.parentPath, entry.name)))
    .sort();
}

/** A path as tools print it: relative to the repository, with `/`. */
export function pathInRepository(path: string): string {
  return relative(REPOSITORY, path).split(sep).join('/');
}
