import type { Instant, MonotonicMs, UnixMs } from '../base/time.ts';
import { type Action, EventQueue } from './event-queue.ts';

/** What the clock on the wall shows when a simulated world begins: 2027-01-15T08:00:00Z, always. */
export const WORLD_BEGINS_AT = 1_800_000_000_000 as UnixMs;

/**
 * Actions in one millisecond of virtual time. A world of 10,000 nodes needs some 100,000; more is a node that asks to
 * be woken now, again and again, and the world would stand still without a word.
 */
export const ACTIONS_PER_MS_MAX = 5_000_000;

/** Time that passes only when everything due has happened. Whole milliseconds, from 0. */
export class VirtualTime {
  readonly #queue = new EventQueue();
  /** Due in this very millisecond and added in it: behind what the queue holds for it, without the cost of a heap. */
  #now: Action[] = [];
  #nowMs = 0;
  #actions = 0;
  #actionsThisMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Actions that have happened. */
  get actions(): number {
    return this.#actions;
  }

  instant(): Instant {
    return { mono: this.#nowMs as MonotonicMs, wall: (WORLD_BEGINS_AT + this.#nowMs) as UnixMs };
  }

  /** @param atMs rounded up to a whole millisecond; what lies in the past happens now. */
  at(atMs: number, action: Action): void {
    const at = Math.ceil(atMs);
    if (at <= this.#nowMs) this.#now.push(action);
    else this.#queue.push(at, action);
  }

  after(spanMs: number, action: Action): void {
    this.at(this.#nowMs + spanMs, action);
  }

  /**
   * Lets everything happen that is due until then, that millisecond included.
   *
   * @param isDone asked after each millisecond; true ends the run early.
   * @returns whether `isDone` ended it.
   */
  runUntil(untilMs: number, isDone: () => boolean = () => false): boolean {
    for (;;) {
      this.#finishMillisecond();
      if (isDone()) return true;
      const nextAt = this.#queue.nextAt;
      if (nextAt === undefined || nextAt > untilMs) break;
      this.#nowMs = nextAt;
      this.#actionsThisMs = 0;
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    return false;
  }

  #finishMillisecond(): void {
    while (this.#queue.nextAt === this.#nowMs) this.#run(this.#queue.pop());
    while (this.#now.length > 0) {
      const batch = this.#now;
      this.#now = [];
      for (const action of batch) this.#run(action);
    }
  }

  #run(action: Action | undefined): void {
    this.#actions++;
    if (++this.#actionsThisMs > ACTIONS_PER_MS_MAX)
      throw new Error(
        `more than ${ACTIONS_PER_MS_MAX} actions at ${this.#nowMs} ms: something asks for more without end`,
      );
    action?.();
  }
}
