import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDiskTrouble, MeshError, messageOf, quoted, quotedPath } from '../../base/errors.ts';
import { MODE_SECRET, writeFileAtomic } from './atomic-file.ts';

const LOCK_FILE = 'lock';
const PID_FILE = 'pid';

/** SQLite's result code where another process holds the file. */
const SQLITE_BUSY = 5;
/** And where it is none of its own. */
const SQLITE_NOTADB = 26;

/** What this process has locked: SQLite lets go of a file that is collected as garbage, and with it of the lock. */
const heldFiles = new Set<DatabaseSync>();

/** Held by the one process that may change a directory. */
export interface DirectoryLock {
  /** Lets the next process in. Calling it twice is not an error. */
  release(): void;
}

/**
 * Locks the directory for this process, or refuses at once.
 *
 * The lock is the kernel's own on the open file `lock`, taken by way of SQLite because Node.js offers no file locks
 * itself. It goes when its process goes, however that ends, so there is never a stale one to judge by process ids.
 * `pid` beside it only tells people who holds it. It is held whether or not anybody keeps the object.
 *
 * @throws ERR_DIR_LOCKED while another process, or this one, holds it; ERR_CONFIG where the directory cannot be written.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, LOCK_FILE);
  try {
    closeSync(openSync(path, 'a', MODE_SECRET));
  } catch (error) {
    throw unwritable(directory, error);
  }
  const file = new DatabaseSync(path, { timeout: 0 });
  try {
    file.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    file.close();
    const kind = Number((error as { errcode?: unknown }).errcode) & 0xff;
    if (kind === SQLITE_NOTADB)
      throw new MeshError(
        'ERR_STATE_CORRUPT',
        `lock file ${quotedPath(path)} is damaged`,
        `remove it: nothing is kept in ${path}`,
      );
    if (kind !== SQLITE_BUSY) throw unwritable(directory, error);
    throw new MeshError(
      'ERR_DIR_LOCKED',
      `directory ${quoted(directory)} is in use by another process${holderOf(directory)}`,
      'stop that process first, or use another --dir',
    );
  }
  try {
    writeFileAtomic(join(directory, PID_FILE), `${process.pid}\n`, MODE_SECRET);
  } catch (error) {
    file.close();
    throw unwritable(directory, error);
  }
  heldFiles.add(file);
  return {
    release: () => {
      if (!file.isOpen) return;
      rmSync(join(directory, PID_FILE), { force: true });
      file.close();
      heldFiles.delete(file);
    },
  };
}

function unwritable(directory: string, error: unknown): MeshError {
  return new MeshError(
    isDiskTrouble(error) ? 'ERR_STORAGE' : 'ERR_CONFIG',
    `directory ${quotedPath(directory)} cannot be written: ${messageOf(error)}`,
    'check its owner and mode, and the disk: free space, and whether it is mounted read-only',
    { cause: error },
  );
}

function holderOf(directory: string): string {
  try {
    const text = readFileSync(join(directory, PID_FILE), 'utf8').trim();
    return /^[0-9]{1,10}$/.test(text) ? ` (process ${text})` : '';
  } catch {
    return '';
  }
}
