/**
 * Hands out issue indexes, each once. What is handed out and then not used leaves a gap, which a compact list pays
 * for with some bits; the store learns of an index when its certificate is kept.
 */
export class IssueIndexes {
  #next: number;

  constructor(next: number) {
    this.#next = next;
  }

  /** The index that {@link take} gives next. */
  get next(): number {
    return this.#next;
  }

  take(): number {
    return this.#next++;
  }

  /** Leaves out so many. @returns the index that comes next. */
  skip(count: number): number {
    this.#next += count;
    return this.#next;
  }
}
