import type { TestEvent } from 'node:test/reporters';

/** A file that has had less processor time since it was heard waits for something that does not come. */
const IDLE_MS = 1_000;
/** A file that is slow, because others want the processor too, gets so many times as long as one that is not. */
const PATIENCE = 5;

interface Watched {
  timer: NodeJS.Timeout;
  heardAt: number;
  workMs: number | undefined;
}

/**
 * Notices test files from which nothing is heard any more: an endless loop, or something left open after the last test. On
 * a busy machine one test of a minute may take ten: what counts is the processor time that the file has had.
 */
export class QuietFiles {
  readonly #quietMs: number;
  readonly #workMsOf: (file: string) => number | undefined;
  readonly #onQuiet: (file: string) => void;
  readonly #files = new Map<string, Watched>();

  /**
   * @param workMsOf Processor time of a file until now; `undefined` where that cannot be told.
   * @param onQuiet Called once for a file that has been quiet for `quietMs`.
   */
  constructor(quietMs: number, workMsOf: (file: string) => number | undefined, onQuiet: (file: string) => void) {
    this.#quietMs = quietMs;
    this.#workMsOf = workMsOf;
    this.#onQuiet = onQuiet;
  }

  handle({ type, data }: TestEvent): void {
    if (type !== 'test:dequeue' && type !== 'test:complete') return; // the events that are not held back for order
    const file = data.entryFile ?? data.file;
    if (file === undefined) return;
    const isFileItself = data.entryFile === undefined;
    clearTimeout(this.#files.get(file)?.timer);
    if (isFileItself && type === 'test:complete') this.#files.delete(file);
    else if (isFileItself || this.#files.has(file)) this.#listen(file);
  }

  /** Stops listening, so that the process can end. */
  close(): void {
    for (const { timer } of this.#files.values()) clearTimeout(timer);
    this.#files.clear();
  }

  #listen(file: string): void {
    this.#files.set(file, {
      timer: setTimeout(() => this.#look(file), this.#quietMs),
      heardAt: performance.now(),
      workMs: this.#workMsOf(file),
    });
  }

  #look(file: string): void {
    const watched = this.#files.get(file);
    if (watched === undefined) return;
    const workedMs = (this.#workMsOf(file) ?? Number.POSITIVE_INFINITY) - (watched.workMs ?? 0);
    const isSlow = workedMs >= IDLE_MS && workedMs < this.#quietMs;
    if (isSlow && performance.now() < watched.heardAt + PATIENCE * this.#quietMs)
      watched.timer = setTimeout(() => this.#look(file), this.#quietMs - workedMs);
    else this.#onQuiet(file);
  }
}
