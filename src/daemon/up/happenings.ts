/** What has happened so far, and who waits for what: the story asks here instead of sleeping. */
export class Happenings {
  readonly #seen = new Set<string>();
  readonly #waiting = new Map<string, (() => void)[]>();

  has(what: string): boolean {
    return this.#seen.has(what);
  }

  /** @returns true the first time. */
  note(what: string): boolean {
    if (this.#seen.has(what)) return false;
    this.#seen.add(what);
    for (const resolve of this.#waiting.get(what) ?? []) resolve();
    this.#waiting.delete(what);
    return true;
  }

  /** Forgets a happening that may come again. */
  forget(what: string): void {
    this.#seen.delete(what);
  }

  /** Resolves true once it has happened, false where it does not within the time. */
  async until(what: string, timeoutMs: number): Promise<boolean> {
    if (this.#seen.has(what)) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      const waiting = this.#waiting.get(what) ?? [];
      waiting.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
      this.#waiting.set(what, waiting);
    });
  }
}
