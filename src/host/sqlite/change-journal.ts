import type { DatabaseSync, StatementResultingChanges, StatementSync } from 'node:sqlite';

/** What a statement takes in place of its question marks. */
export type SqlValue = null | number | string | Uint8Array;

interface Change {
  readonly statement: StatementSync;
  readonly values: readonly SqlValue[];
}

/**
 * The changes of one transaction in their order, so that the last of them can be undone without the others: all are
 * rolled back, and those that stay are made again. They come out the same, because a statement here depends on nothing
 * but its values and the rows.
 *
 * A savepoint around each piece of work would do that too, and have SQLite copy every page that the piece touches: as
 * much work as the changes themselves, every time, for what happens seldom.
 */
export class ChangeJournal {
  readonly #database: DatabaseSync;
  readonly #changes: Change[] = [];
  #undone = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Changes since the transaction began. */
  get length(): number {
    return this.#changes.length;
  }

  /** How often something was undone: what was remembered of rows before that may never have been. */
  get undone(): number {
    return this.#undone;
  }

  begin(): void {
    this.#changes.length = 0;
    this.#database.exec('BEGIN IMMEDIATE');
  }

  commit(): void {
    this.#database.exec('COMMIT');
    this.#changes.length = 0;
  }

  /** Undoes everything. Where the disk was full, SQLite has done so itself. */
  rollBack(): void {
    this.#undone += 1;
    this.#changes.length = 0;
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  /** Undoes all but the first `length` changes. */
  undoTo(length: number): void {
    const kept = this.#changes.slice(0, length);
    this.rollBack();
    this.begin();
    for (const { statement, values } of kept) this.run(statement, values);
  }

  run(statement: StatementSync, values: readonly SqlValue[]): StatementResultingChanges {
    const result = statement.run(...values);
    this.#changes.push({ statement, values });
    return result;
  }
}
