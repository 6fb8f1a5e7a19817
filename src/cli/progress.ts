import { formatDuration } from '../base/duration.ts';

/** How often the bar is drawn anew; faster is not read by anybody. */
const DRAW_MS = 100;
const BAR_CHARS = 24;

/** A progress bar on standard error, for people: it is silent where that is no terminal. */
export class Progress {
  readonly #noun: string;
  readonly #isShown: boolean;
  readonly #startedAt = performance.now();
  #total: number | undefined;
  #done = 0;
  #drawnAt = 0;

  constructor(noun: string, isJson: boolean, total?: number) {
    this.#noun = noun;
    this.#isShown = !isJson && process.stderr.isTTY;
    this.#total = total;
  }

  set total(total: number) {
    this.#total = total;
  }

  add(count: number): void {
    this.#done += count;
    const now = performance.now();
    if (!this.#isShown || now - this.#drawnAt < DRAW_MS) return;
    this.#drawnAt = now;
    process.stderr.write(`\r\x1b[K${this.#line(now)}`);
  }

  /** Takes the bar away: the result follows. */
  end(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K');
  }

  #line(now: number): string {
    const rate = (this.#done * 1_000) / Math.max(1, now - this.#startedAt);
    const speed = `${Math.round(rate).toLocaleString('en')} ${this.#noun}/s`;
    if (this.#total === undefined || this.#total === 0) return `${this.#done.toLocaleString('en')}  ${speed}`;
    const share = Math.min(1, this.#done / this.#total);
    const filled = Math.round(share * BAR_CHARS);
    const leftMs = rate === 0 ? 0 : Math.ceil(Math.max(0, this.#total - this.#done) / rate) * 1_000;
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_CHARS - filled)}`;
    return `${bar} ${(100 * share).toFixed(0).padStart(3)} %  ${speed}  ${formatDuration(leftMs)} left`;
  }
}
