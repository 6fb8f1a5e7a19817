import { closeSync, openSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Bytes } from '../../base/bytes.ts';
import { isDiskTrouble, MeshError, messageOf, quoted } from '../../base/errors.ts';
import { createFileAtomic, writeFileAtomic } from './atomic-file.ts';

/**
 * Makes the file that somebody asked for, whole and on the disk.
 *
 * @param mode see `atomic-file.ts`.
 * @throws ERR_FILE_EXISTS; ERR_CONFIG where it cannot be made there, as in a folder that is missing.
 */
export function createFile(file: string, content: Bytes | string, mode: number): void {
  const path = resolve(file);
  let isMade: boolean;
  try {
    isMade = createFileAtomic(path, content, mode);
  } catch (error) {
    throw cannotWrite('file', path, error);
  }
  if (!isMade) throw new MeshError('ERR_FILE_EXISTS', `file ${quoted(path)} exists`);
}

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
    throw cannotWrite('file', path, error);
  }
}

/** What to throw where the system does not let a file or a folder be made; of a full disk, that. */
export function cannotWrite(what: 'file' | 'folder', path: string, error: unknown): unknown {
  if (isDiskTrouble(error)) return error;
  return new MeshError(
    'ERR_CONFIG',
    `${what} ${quoted(path)} cannot be written: ${messageOf(error)}`,
    'make the folder that it is to be in, or choose another place',
  );
}
