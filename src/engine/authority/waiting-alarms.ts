import { BoundedMap } from '../../base/bounded.ts';
import { type Bytes, toBase64 } from '../../base/bytes.ts';
import { after, MINUTE_MS, type MonotonicMs } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';

/** Conflicts that wait to be shown to the authority. One is enough to look into; every node that meets it reports it. */
export const CONFLICTS_MAX = 16;
/**
 * After an alarm of one author was shown the next of the same is left out for so long: it would say nothing new, and
 * whoever says two things all the time would have every node of the mesh call the authority without a break.
 */
export const CONFLICT_AGAIN_MS_MIN = 10 * MINUTE_MS;
/** Authors of whom it is remembered when an alarm was shown; the longest ago is forgotten first. */
export const CONFLICT_AUTHORS_MAX = 1_024;

/** Two messages under one id, in base64. */
export interface Alarm {
  readonly origin: NodeId;
  readonly kept: string;
  readonly refused: string;
}

/**
 * What the authority is still to be shown (T24). One alarm of each author waits, and is shown no more often than
 * {@link CONFLICT_AGAIN_MS_MIN}: whoever says two things again and again hides no clone of another.
 */
export class WaitingAlarms {
  readonly #waiting: Alarm[] = [];
  readonly #shownAt = new BoundedMap<NodeId, MonotonicMs>(CONFLICT_AUTHORS_MAX);

  get size(): number {
    return this.#waiting.length;
  }

  /** The one that has waited longest. */
  get first(): Alarm | undefined {
    return this.#waiting[0];
  }

  /** @returns whether it waits now: other nodes report too. */
  add(now: MonotonicMs, origin: NodeId, kept: Bytes, refused: Bytes): boolean {
    if (this.#waiting.length >= CONFLICTS_MAX) return false;
    if (this.#waiting.some((alarm) => alarm.origin === origin)) return false;
    const shownAt = this.#shownAt.peek(origin);
    if (shownAt !== undefined && now < after(shownAt, CONFLICT_AGAIN_MS_MIN)) return false;
    this.#waiting.push({ origin, kept: toBase64(kept), refused: toBase64(refused) });
    return true;
  }

  /** The authority has seen the first, whatever it thinks of it. */
  handleShown(now: MonotonicMs): void {
    const alarm = this.#waiting.shift();
    if (alarm !== undefined) this.#shownAt.set(alarm.origin, now);
  }
}
