/**
 * Hands out issue indexes, each once. What is handed out and then not used leaves a gap, which a compact list pays
 * for with some bits; the store learns of an index when its certificate is kept.
 */
export class IssueIndexes {
  #next: number;

  constructor(next: number) {
    this.#next = next;
  }

  take(): number {
    return this.#next++;
  }
}
