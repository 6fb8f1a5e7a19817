import { DAY_MS, type Instant, type UnixMs } from '../../base/time.ts';
import { FUTURE_MAX_MS } from '../../message/limits.ts';
import { PassedTime } from './passed-time.ts';

/**
 * How far the authority's word may put time ahead of a clock that may be right. What it signed later than that is told of
 * and not believed: one list of an authority whose own clock is wrong would end all certificates of its mesh at once.
 */
export const FLOOR_AHEAD_MS_MAX = DAY_MS;

/** Difference between the authority's clock and ours that begins to matter: half of what messages may be ahead. */
export const CLOCK_SKEW_MS_MAX = FUTURE_MAX_MS / 2;

/** No clock that is right shows less: this program was made later. */
export const CLOCK_PLAUSIBLE_FROM = Date.UTC(2026, 0) as UnixMs;

/**
 * The wall clock of a machine with a floor under it (T6): the newest time of anything that the authority has signed, and
 * what has passed since. A clock that was set back, or shows 1970 after a start, brings nothing back that has expired.
 */
export class TimeFloor {
  readonly #floor: PassedTime;
  readonly #signed: PassedTime;

  /** @param kept the floor of the last run; 0 for none. */
  constructor(started: Instant, kept: UnixMs) {
    this.#floor = new PassedTime({ mono: started.mono, wall: kept });
    this.#signed = new PassedTime({ mono: started.mono, wall: kept });
  }

  /** @param clock what the clock shows. @returns what time is taken to be. */
  wallAt({ mono, wall }: Instant): UnixMs {
    return Math.max(wall, this.#floor.at(mono)) as UnixMs;
  }

  /** The authority signed something at that time. @returns the floor, where it is to be kept; else `undefined`. */
  raise({ mono, wall }: Instant, signedAt: UnixMs): UnixMs | undefined {
    this.#signed.raise(mono, signedAt);
    const isBelieved = wall < CLOCK_PLAUSIBLE_FROM || signedAt <= wall + FLOOR_AHEAD_MS_MAX;
    return isBelieved && this.#floor.raise(mono, signedAt) ? signedAt : undefined;
  }

  /** How far the clock lies behind what the authority has signed, believed or not. */
  behindMs({ mono, wall }: Instant): number {
    return Math.max(0, this.#signed.at(mono) - wall);
  }
}
