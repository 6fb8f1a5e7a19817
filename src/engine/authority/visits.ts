import type { Bytes } from '../../base/bytes.ts';
import { after, earliest, HOUR_MS, MINUTE_MS, type MonotonicMs, SECOND_MS } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { jittered, type Random } from '../../ports/random.ts';
import { type Alarm, WaitingAlarms } from './waiting-alarms.ts';

/** An authority that does not answer is asked this seldom at last, or at the configured interval where that is longer. @tuning */
export const BACKOFF_MS_MAX = 5 * MINUTE_MS;
/** A node without a peer asks this soon again, then half as often each time: somebody may have come meanwhile. @tuning */
export const ALONE_MS_MIN = SECOND_MS;
/** News from elsewhere is told to the authority within this time, each node at another moment. @tuning */
export const SOON_MS_MAX = SECOND_MS;
/** The longest that an authority can put off alarms. */
export const RETRY_AFTER_MS_MAX = HOUR_MS;
/** So that a fleet that was started at once does not ask at once for ever. */
const JITTER_FRACTION = 0.2;

/** Why something that was asked of the authority has no answer that can be used. */
export interface VisitFailure {
  /** Nobody answered at all. */
  readonly isAway: boolean;
  readonly error: unknown;
}

/** What came of asking for the list: it is the same as last time, was taken, or is none of this mesh. */
export type ListAnswer =
  | { readonly tag: 'unchanged' }
  | { readonly tag: 'taken'; readonly etag: string | undefined }
  | { readonly tag: 'foreign' };

export type VisitOutcome =
  | { readonly tag: 'done' /** The visit before had failed. */; readonly isBack: boolean }
  | {
      readonly tag: 'failed';
      readonly failure: VisitFailure /** The visit before had not. */;
      readonly isFirst: boolean;
    };

/**
 * What the visits ask for. Each of the first three is answered exactly once, at any later time, by the `handle*` that it
 * names or by {@link AuthorityVisits.handleFailed}; nothing else is asked meanwhile.
 */
export interface VisitsOutbox {
  /** Say that this node is there. Begins a visit. Answered by {@link AuthorityVisits.handleCheckedIn}. */
  checkIn(): void;
  /** @param etag of the list that was taken last. Answered by {@link AuthorityVisits.handleList}. */
  fetchList(etag: string | undefined): void;
  /** Answered by {@link AuthorityVisits.handleAlarmSeen} or {@link AuthorityVisits.handleAlarmPutOff}. */
  showAlarm(alarm: Alarm): void;
  /** Nothing more is asked before the next visit. */
  visitEnded(outcome: VisitOutcome): void;
}

export interface VisitsOptions {
  readonly intervalMs: number;
  readonly random: Random;
  /** The list is published elsewhere than at the authority: it may be had where the authority is away. */
  readonly isListElsewhere: boolean;
  /** Number of the newest list that this node enforces. */
  readonly crlNumber: () => number;
  /** Whether this node has no peer. */
  readonly isAlone: () => boolean;
}

type State =
  | { readonly tag: 'waiting'; readonly until: MonotonicMs }
  | { readonly tag: 'checking-in' }
  /** @property newest as the check-in told it, or why it told nothing. */
  | { readonly tag: 'fetching'; readonly newest: number | VisitFailure }
  | { readonly tag: 'showing' };

/**
 * When a node calls its authority, and what for: to check in, so that operators see who enforces what and other nodes hear
 * where this one is; to fetch the revocation list where it changed; to show alarms. A node without its authority goes on.
 *
 * Where nothing has changed, the check-in says so, and a visit is one request.
 */
export class AuthorityVisits {
  readonly #options: VisitsOptions;
  readonly #outbox: VisitsOutbox;
  readonly #alarms = new WaitingAlarms();
  #state: State;
  #etag: string | undefined;
  /** What the authority called its newest list when this node last had what is published. */
  #newestHad: number | undefined;
  #failures = 0;
  /** Visits in a row that found this node without a peer. */
  #alone = 0;
  #isWantedAgain = false;
  /** No alarm is shown before this: the authority asked to be left alone. */
  #alarmsAt: MonotonicMs;

  /** The first visit is due at once. */
  constructor(now: MonotonicMs, options: VisitsOptions, outbox: VisitsOutbox) {
    this.#options = options;
    this.#outbox = outbox;
    this.#state = { tag: 'waiting', until: now };
    this.#alarmsAt = now;
  }

  /** Alarms that wait to be shown. */
  get alarms(): number {
    return this.#alarms.size;
  }

  /** Something changed that the authority should hear of. */
  handleNews(now: MonotonicMs): void {
    if (this.#state.tag !== 'waiting') this.#isWantedAgain = true;
    else this.#state = { tag: 'waiting', until: earliest(this.#state.until, this.#soon(now)) ?? now };
  }

  /**
   * Two messages under one id: the authority is shown both at the next visit, see {@link WaitingAlarms}.
   * @returns false where that is known well enough.
   */
  handleConflict(now: MonotonicMs, origin: NodeId, kept: Bytes, refused: Bytes): boolean {
    const isNews = this.#alarms.add(now, origin, kept, refused);
    if (isNews) this.handleNews(now);
    return isNews;
  }

  /** @param newest number of the newest list, as the authority says. */
  handleCheckedIn(now: MonotonicMs, newest: number): void {
    if (this.#state.tag !== 'checking-in') return;
    if (newest === this.#newestHad) this.#showAlarms(now);
    else this.#fetch(newest);
  }

  handleList(now: MonotonicMs, answer: ListAnswer): void {
    if (this.#state.tag !== 'fetching') return;
    const { newest } = this.#state;
    if (answer.tag === 'taken') this.#etag = answer.etag;
    if (typeof newest !== 'number') return this.#endFailed(now, newest);
    const hasIt = answer.tag !== 'foreign' && this.#options.crlNumber() >= newest; // a mirror may come after it
    this.#newestHad = hasIt ? newest : undefined;
    this.#showAlarms(now);
  }

  /** The authority has seen the alarm, whatever it thinks of it. */
  handleAlarmSeen(now: MonotonicMs): void {
    if (this.#state.tag !== 'showing') return;
    this.#alarms.handleShown(now);
    this.#showNextAlarm(now);
  }

  /**
   * An alarm that is not taken now is kept: it may be the only one that says whose key was copied.
   * @param spanMs for which the authority asked to be left alone, if it did.
   */
  handleAlarmPutOff(now: MonotonicMs, spanMs: number | undefined): void {
    if (this.#state.tag !== 'showing') return;
    this.#alarmsAt = after(now, spanMs === undefined ? this.#options.intervalMs : Math.min(spanMs, RETRY_AFTER_MS_MAX));
    this.#endDone(now);
  }

  /**
   * Who cannot check in, because the authority refuses it or has no answer to that, asks for the list all the same: it may
   * say why.
   */
  handleFailed(now: MonotonicMs, failure: VisitFailure): void {
    if (this.#state.tag === 'waiting') return;
    const isListWorthATry = !failure.isAway || this.#options.isListElsewhere;
    if (this.#state.tag !== 'checking-in') return this.#endFailed(now, failure);
    this.#newestHad = undefined;
    if (isListWorthATry) this.#fetch(failure);
    else this.#endFailed(now, failure);
  }

  /** `undefined` while an answer is waited for. */
  deadline(): MonotonicMs | undefined {
    return this.#state.tag === 'waiting' ? this.#state.until : undefined;
  }

  handleTimeout(now: MonotonicMs): void {
    if (this.#state.tag !== 'waiting' || now < this.#state.until) return;
    this.#state = { tag: 'checking-in' };
    this.#outbox.checkIn();
  }

  #fetch(newest: number | VisitFailure): void {
    this.#state = { tag: 'fetching', newest };
    this.#outbox.fetchList(this.#etag);
  }

  #showAlarms(now: MonotonicMs): void {
    if (now < this.#alarmsAt) this.#endDone(now);
    else this.#showNextAlarm(now);
  }

  #showNextAlarm(now: MonotonicMs): void {
    const alarm = this.#alarms.first;
    if (alarm === undefined) return this.#endDone(now);
    this.#state = { tag: 'showing' };
    this.#outbox.showAlarm(alarm);
  }

  #endDone(now: MonotonicMs): void {
    const isBack = this.#failures > 0;
    this.#failures = 0;
    this.#wait(now);
    this.#outbox.visitEnded({ tag: 'done', isBack });
  }

  #endFailed(now: MonotonicMs, failure: VisitFailure): void {
    this.#failures++;
    this.#wait(now);
    this.#outbox.visitEnded({ tag: 'failed', failure, isFirst: this.#failures === 1 });
  }

  #wait(now: MonotonicMs): void {
    const isSoon = this.#isWantedAgain && this.#failures === 0;
    this.#isWantedAgain = false;
    this.#state = { tag: 'waiting', until: isSoon ? this.#soon(now) : this.#nextVisitAt(now) };
  }

  #soon(now: MonotonicMs): MonotonicMs {
    return after(now, this.#options.random.below(SOON_MS_MAX));
  }

  #nextVisitAt(now: MonotonicMs): MonotonicMs {
    const at = after(now, jittered(this.#options.random, this.#delayMs(), JITTER_FRACTION));
    const isAlarmLeft = this.#alarms.size > 0 && this.#failures === 0;
    return isAlarmLeft && this.#alarmsAt < at ? this.#alarmsAt : at;
  }

  #delayMs(): number {
    const { intervalMs, isAlone } = this.#options;
    if (this.#failures > 0)
      return Math.min(Math.max(BACKOFF_MS_MAX, intervalMs), intervalMs * 2 ** Math.min(this.#failures - 1, 16));
    if (!isAlone()) {
      this.#alone = 0;
      return intervalMs;
    }
    return Math.min(intervalMs, ALONE_MS_MIN * 2 ** Math.min(this.#alone++, 16));
  }
}
