import type { TestEvent } from 'node:test/reporters';

/** Notices test files from which nothing is heard any more: an endless loop, or something left open after the last test. */
export class QuietFiles {
  readonly #quietMs: number;
  readonly #onQuiet: (file: string) => void;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /** @param onQuiet Called once for a file that has been quiet for `quietMs`. */
  constructor(quietMs: number, onQuiet: (file: string) => void) {
    this.#quietMs = quietMs;
    this.#onQuiet = onQuiet;
  }

  handle({ type, data }: TestEvent): void {
    if (type !== 'test:dequeue' && type !== 'test:complete') return; // the events that are not held back for order
    const file = data.entryFile ?? data.file;
    if (file === undefined) return;
    const isFileItself = data.entryFile === undefined;
    if (type === 'test:complete' && isFileItself) {
      clearTimeout(this.#timers.get(file));
      this.#timers.delete(file);
      return;
    }
    if (type === 'test:dequeue' && isFileItself) {
      this.#timers.set(
        file,
        setTimeout(() => this.#onQuiet(file), this.#quietMs),
      );
      return;
    }
    this.#timers.get(file)?.refresh();
  }

  /** Stops listening, so that the process can end. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
