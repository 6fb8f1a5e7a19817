import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, type UnixMs } from '../base/time.ts';

/** How long ago an RFC 3339 instant was, or how soon it will be, for people. */
export function relativeTime(instant: string, now: UnixMs): string {
  const ms = Date.parse(instant) - now;
  const span = spanText(Math.abs(ms));
  return ms < 0 ? `${span} ago` : `in ${span}`;
}

/** Each unit up to twice the next: `90 s`, `100 min`, `40 h`. */
function spanText(ms: number): string {
  if (ms < 2 * MINUTE_MS) return `${Math.round(ms / SECOND_MS)} s`;
  if (ms < 2 * HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return `${Math.round(ms / HOUR_MS)} h`;
  return `${Math.round(ms / DAY_MS)} d`;
}
