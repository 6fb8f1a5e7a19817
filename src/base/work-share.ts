import { BoundedMap } from './bounded.ts';
import { after, type MonotonicMs, SECOND_MS } from './time.ts';

/**
 * How much of each second may be spent on what one peer says. A few kilobytes can be a millisecond's work, so neither
 * frames nor bytes tell what a peer costs; an honest one that catches up with thousands of messages needs half of this.
 */
export const WORK_MS_PER_SECOND_MAX = 250;
/** At once, before the peer has to wait: what others feel of it, since nothing else is done meanwhile. */
export const WORK_BURST_MS_MAX = 100;

/**
 * What one turn counts for at most. What took longer was not the peer's doing: the machine slept, or others had it. Counted
 * in full, a pause of half a minute would keep an honest peer waiting until its link is taken for dead.
 */
export const TURN_WORK_MS_MAX = 1_000;

/** Peers whose share is remembered; one that is forgotten has all of it again. More than can be connected at once. */
export const WORK_SHARES_MAX = 4_096;

const MS_PER_WORK_MS = SECOND_MS / WORK_MS_PER_SECOND_MAX;

/**
 * The share of this process that one peer has. Who takes more is not put out, for it may be this machine that is slow: it
 * is read from a little later, and TCP makes it wait (T3).
 */
export class WorkShare {
  #paidUntil = Number.NEGATIVE_INFINITY as MonotonicMs;

  /** @returns how long to wait before more is read of this peer, after `workMs` were spent on it. */
  handleWork(now: MonotonicMs, workMs: number): number {
    const earliest = after(now, -WORK_BURST_MS_MAX * MS_PER_WORK_MS);
    const charged = Math.min(workMs, TURN_WORK_MS_MAX) * MS_PER_WORK_MS;
    this.#paidUntil = after(this.#paidUntil > earliest ? this.#paidUntil : earliest, charged);
    return this.restMs(now);
  }

  /** How long the peer still has to wait. */
  restMs(now: MonotonicMs): number {
    return Math.max(0, this.#paidUntil - now);
  }
}

/** The share of each peer over all of its connections, whatever is spoken on them: a new one does not fill it. */
export class WorkShares<Key> {
  readonly #shares = new BoundedMap<Key, WorkShare>(WORK_SHARES_MAX);

  of(key: Key): WorkShare {
    let share = this.#shares.get(key);
    if (share === undefined) this.#shares.set(key, (share = new WorkShare()));
    return share;
  }
}
