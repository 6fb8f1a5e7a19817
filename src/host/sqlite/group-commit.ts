import type { DatabaseSync } from 'node:sqlite';
import { isMeshError, MeshError } from '../../base/errors.ts';
import { ChangeJournal } from './change-journal.ts';
import { stateError } from './database.ts';

/** Pieces of work in one commit. One fsync costs about as much as 500 small pieces; more would only delay the first. */
export const GROUP_WORKS_MAX = 256;

/** Pieces of work waiting for their commit. Above it callers are refused at once, which is kinder than a time-out. */
export const WAITING_WORKS_MAX = 10_000;

interface Waiting {
  run(): Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Runs pieces of work on a database one after another, many to a commit, each whole or not at all.
 *
 * Work that arrives while the process is busy is gathered and shares one fsync, so that many callers a second cost
 * a few commits a second. A piece that throws is undone by itself, if all that it changes goes through
 * {@link GroupCommit.changes}; a commit that fails fails all of its pieces.
 */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #path: string;
  /** What pieces of work change rows with. */
  readonly changes: ChangeJournal;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.changes = new ChangeJournal(database);
  }

  /** @returns what `work` returned, once it is on the disk. */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new MeshError('ERR_NOT_READY', 'the store is closed'));
    if (this.#waiting.length >= WAITING_WORKS_MAX)
      return Promise.reject(new MeshError('ERR_OVERLOADED', `${WAITING_WORKS_MAX} changes wait for the disk`));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run: work, resolve: resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await gathered();
      await this.#commit(this.#waiting.splice(0, GROUP_WORKS_MAX));
    }
    this.#running = undefined;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const done: (() => void)[] = [];
    try {
      this.changes.begin();
      for (const work of group) done.push(await this.#runOne(work));
      this.changes.commit();
    } catch (error) {
      this.changes.rollBack();
      const reason = stateError(this.#path, error);
      for (const work of group) work.reject(reason);
      return;
    }
    for (const answer of done) answer();
  }

  async #runOne(work: Waiting): Promise<() => void> {
    const before = this.changes.length;
    try {
      const value = await work.run();
      return () => work.resolve(value);
    } catch (error) {
      // Where a disk is full SQLite gives the whole transaction up: nothing of the group stays, and nothing may go on.
      if (!this.#database.isTransaction) throw error;
      if (this.changes.length > before) this.changes.undoTo(before);
      const reason = isMeshError(error) ? error : stateError(this.#path, error);
      return () => work.reject(reason);
    }
  }
}

/** Resolves after the sockets that are ready now have been read, so that their requests join the same commit. */
function gathered(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
