import type { ChangeJournal } from './change-journal.ts';

/**
 * The last of what was read or written of one kind, for as long as it must be what the file says: nobody else writes to
 * the file, and what was undone is forgotten.
 */
export class Remembered<T> {
  readonly #changes: ChangeJournal;
  #value: T | undefined;
  #undone = 0;

  constructor(changes: ChangeJournal) {
    this.#changes = changes;
  }

  get value(): T | undefined {
    return this.#undone === this.#changes.undone ? this.#value : undefined;
  }

  set value(value: T | undefined) {
    this.#value = value;
    this.#undone = this.#changes.undone;
  }
}
