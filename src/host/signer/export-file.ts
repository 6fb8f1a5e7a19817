import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isDiskTrouble, MeshError, messageOf, quotedPath } from '../../base/errors.ts';
import { syncFolder } from '../files/atomic-file.ts';

/** What the name of a draft has after that of its file: the process that writes it, and chance. */
const DRAFT_ENDING = /^\.(\d+)-[0-9a-f]{8}\.draft$/;

/**
 * A file that is written piece by piece and appears whole, on the disk, or not at all. What is no regular file (a pipe, a
 * device) is written as it is: replacing that would take it away.
 */
export class ExportFile {
  readonly #path: string;
  /** `undefined` where the pieces go straight to the path. */
  readonly #draft: string | undefined;
  readonly #handle: FileHandle;

  private constructor(path: string, draft: string | undefined, handle: FileHandle) {
    this.#path = path;
    this.#draft = draft;
    this.#handle = handle;
  }

  /** @throws ERR_INPUT where no such file can be made. */
  static async open(path: string): Promise<ExportFile> {
    try {
      if (isOtherThanFile(path)) return new ExportFile(path, undefined, await open(path, 'w'));
      dropDeadDrafts(path);
      const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.draft`;
      return new ExportFile(path, draft, await open(draft, 'wx'));
    } catch (error) {
      if (isDiskTrouble(error)) throw error;
      throw new MeshError(
        'ERR_INPUT',
        `file ${quotedPath(path)} cannot be written: ${messageOf(error)}`,
        'name a file in a folder that is there and may be written',
      );
    }
  }

  async write(text: string): Promise<void> {
    await this.#handle.appendFile(text);
  }

  /** Puts the file in its place. */
  async finish(): Promise<void> {
    if (this.#draft === undefined) {
      await this.#handle.close();
      return;
    }
    await this.#handle.sync();
    await this.#handle.close();
    await rename(this.#draft, this.#path);
    syncFolder(dirname(this.#path));
  }

  /** Takes away what was written; what was there before stays. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined); // closed already
    if (this.#draft !== undefined) rmSync(this.#draft, { force: true });
  }
}

function isOtherThanFile(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) throw new Error('it is a folder');
  return found !== undefined && !found.isFile();
}

/** Drafts of processes that were killed. */
function dropDeadDrafts(path: string): void {
  const name = basename(path);
  for (const other of readdirSync(dirname(path))) {
    const pid = other.startsWith(name) ? DRAFT_ENDING.exec(other.slice(name.length))?.[1] : undefined;
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(dirname(path), other), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
