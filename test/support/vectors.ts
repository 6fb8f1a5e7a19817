import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = process.env['CHAINMAIL_VECTORS'] ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'vectors');

/**
 * Why a conformance test cannot run here, for its `skip` option; `false` where its vectors are there. They are no part
 * of the project: `CHAINMAIL_VECTORS` names their folder, else `../shared/vectors` beside the checkout.
 */
export function missingVectors(path: string): string | false {
  return !existsSync(join(FOLDER, path)) && `no conformance vectors ${path}; set CHAINMAIL_VECTORS`;
}

/** A JSON file of vectors. `T` says what the test expects of it. */
export function readVectors<T>(path: string): T {
  return JSON.parse(readFileSync(join(FOLDER, path), 'utf8')) as T;
}

/** Where a folder of vectors lies; only after {@link missingVectors} has found it. */
export function vectorsFolder(path: string): string {
  return join(FOLDER, path);
}
