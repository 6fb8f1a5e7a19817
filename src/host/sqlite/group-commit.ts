import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isMeshError, MeshError } from '../../base/errors.ts';
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
 * a few commits a second. A piece that throws is undone by itself; a commit that fails fails all of its pieces.
 */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #path: string;
  /** Compiled once: each piece of work needs both. */
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.#savepoint = database.prepare('SAVEPOINT work');
    this.#release = database.prepare('RELEASE work');
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
      this.#database.exec('BEGIN IMMEDIATE');
      for (const work of group) done.push(await this.#runOne(work));
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      const reason = stateError(this.#path, error);
      for (const work of group) work.reject(reason);
      return;
    }
    for (const answer of done) answer();
  }

  async #runOne(work: Waiting): Promise<() => void> {
    this.#savepoint.run();
    try {
      const value = await work.run();
      this.#release.run();
      return () => work.resolve(value);
    } catch (error) {
      this.#database.exec('ROLLBACK TO work; RELEASE work');
      const reason = isMeshError(error) ? error : stateError(this.#path, error);
      return () => work.reject(reason);
    }
  }
}

/** Resolves after the sockets that are ready now have been read, so that their requests join the same commit. */
function gathered(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
