import { after, type Instant, type MonotonicMs, SECOND_MS } from '../../base/time.ts';

/**
 * Silence after which a link is asked whether it lives. Each ping wakes both ends, and most of them never come, because a
 * pull does in this time; the rest of {@link SILENCE_MS_MAX} is left for the answer.
 */
export const PING_AFTER_MS = 60 * SECOND_MS;
/** Where the node is awake anyhow, links that would be asked soon are asked now: one wake-up for many of them. */
const PING_EARLY_MS = 40 * SECOND_MS;
/** Silence after which a link is given up. */
export const SILENCE_MS_MAX = 75 * SECOND_MS;

/** Whether the peer of a link lives: after some silence it is asked, and after more it is given up (spec 04). */
export class Liveness {
  #heardAt: MonotonicMs;
  #askedAt: MonotonicMs | undefined;

  constructor(now: Instant) {
    this.#heardAt = now.mono;
  }

  /** Whether the peer was asked and has not been heard since. */
  get isAsked(): boolean {
    return this.#askedAt !== undefined;
  }

  /** Something came, whatever it is. */
  handleHeard(now: Instant): void {
    this.#heardAt = now.mono;
    this.#askedAt = undefined;
  }

  /** When {@link handleTimeout} next has something to say. */
  deadline(): MonotonicMs {
    return after(this.#heardAt, this.#askedAt === undefined ? PING_AFTER_MS : SILENCE_MS_MAX);
  }

  /** What is to be done about the silence, if anything; who is told to ask has asked. */
  handleTimeout(now: Instant): 'ask' | 'give-up' | undefined {
    if (now.mono >= after(this.#heardAt, SILENCE_MS_MAX)) return 'give-up';
    if (this.#askedAt !== undefined || now.mono < after(this.#heardAt, PING_EARLY_MS)) return undefined;
    this.#askedAt = now.mono;
    return 'ask';
  }
}
