import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Bytes } from '../../base/bytes.ts';

/** For files that hold a secret. */
export const MODE_SECRET = 0o600;
/** For files that everybody on the machine may read: certificates, trust anchors. */
export const MODE_PUBLIC = 0o644;

/**
 * Replaces a file whole: after a crash there is the old content or the new, on the disk, never a part.
 * @param mode permissions of the new file, whatever the umask says less.
 */
export function writeFileAtomic(path: string, content: Bytes | string, mode: number): void {
  const draft = writeDraft(path, content, mode);
  try {
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/**
 * Makes a file that is not there yet, whole and on the disk.
 * @returns false where the name is taken; that file is left alone.
 */
export function createFileAtomic(path: string, content: Bytes | string, mode: number): boolean {
  const draft = writeDraft(path, content, mode);
  try {
    linkSync(draft, path); // unlike a rename it never replaces
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  syncFolder(dirname(path));
  return true;
}

function writeDraft(path: string, content: Bytes | string, mode: number): string {
  const draft = `${path}.${randomBytes(6).toString('hex')}.draft`;
  const fd = openSync(draft, 'wx', mode);
  try {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(fd, bytes, offset);
    fsyncSync(fd);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  return draft;
}

/** A new name in a folder is on the disk only when the folder is. */
export function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
