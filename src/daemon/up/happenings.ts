/** What has happened so far, and who waits for what: the story asks here instead of sleeping. */
export class Happenings {
  readonly #seen = new Set<string>();
  readonly #waiting = new Map<string, Set<(happened: boolean) => void>>();
  #isOver = false;

  has(what: string): boolean {
    return this.#seen.has(what);
  }

  /** @returns true the first time. */
  note(what: string): boolean {
    if (this.#seen.has(what)) return false;
    this.#seen.add(what);
    for (const resolve of this.#waiting.get(what) ?? []) resolve(true);
    this.#waiting.delete(what);
    return true;
  }

  /** Forgets a happening that may come again. */
  forget(what: string): void {
    this.#seen.delete(what);
  }

  /** Resolves true once it has happened, false where it does not within the time, or all is over. */
  async until(what: string, timeoutMs: number): Promise<boolean> {
    if (this.#seen.has(what)) return true;
    if (this.#isOver) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiting = this.#waiting.get(what) ?? new Set();
    this.#waiting.set(what, waiting.add(resolve));
    const timer = setTimeout(() => resolve(false), timeoutMs);
    const happened = await promise;
    clearTimeout(timer);
    waiting.delete(resolve);
    return happened;
  }

  /** Nobody need wait any longer. */
  end(): void {
    this.#isOver = true;
    for (const waiting of this.#waiting.values()) for (const resolve of waiting) resolve(false);
    this.#waiting.clear();
  }
}
