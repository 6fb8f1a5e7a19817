import type { Instant, UnixMs } from '../../base/time.ts';

/** How wrong the clock on the wall of a machine is. */
export interface ClockError {
  readonly aheadMs: number;
  /** Added for each millisecond that passes from the beginning of the world. */
  readonly drift: number;
}

export const RIGHT_CLOCK: ClockError = { aheadMs: 0, drift: 0 };

/** What such a clock shows when this is the time. The other one, which only goes on, is never wrong. */
export function shownBy({ aheadMs, drift }: ClockError, { mono, wall }: Instant): Instant {
  return { mono, wall: Math.floor(wall + aheadMs + drift * mono) as UnixMs };
}
