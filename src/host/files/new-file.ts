import { closeSync, openSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { MeshError, messageOf, quoted } from '../../base/errors.ts';
import { writeFileAtomic } from './atomic-file.ts';

/**
 * Makes a file that is not there yet, of what `make` brings. Its name is taken first: what is made may exist once only,
 * or change something elsewhere, and would be lost without a place. Where `make` fails the name is free again; killed
 * between the two, an empty file stays.
 *
 * @param mode see `atomic-file.ts`.
 * @throws ERR_FILE_EXISTS or ERR_CONFIG before anything was made; what `make` throws.
 */
export async function createFileFrom<T>(
  file: string,
  mode: number,
  make: () => Promise<{ readonly content: string; readonly made: T }>,
): Promise<T> {
  const path = resolve(file);
  takeName(path, mode);
  try {
    const { content, made } = await make();
    writeFileAtomic(path, content, mode);
    return made;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

function takeName(path: string, mode: number): void {
  try {
    closeSync(openSync(path, 'wx', mode));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new MeshError('ERR_FILE_EXISTS', `file ${quoted(path)} exists`);
    throw new MeshError(
      'ERR_CONFIG',
      `file ${quoted(path)} cannot be written: ${messageOf(error)}`,
      'make its folder, or choose another --out',
    );
  }
}
