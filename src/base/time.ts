import type { Brand } from './brand.ts';

/** Milliseconds on a clock that never goes back; only differences mean anything. Timers use this. */
export type MonotonicMs = Brand<number, 'MonotonicMs'>;

/** Milliseconds since 1970-01-01T00:00Z as told by the host; may jump. Validity of signed things uses this. */
export type UnixMs = Brand<number, 'UnixMs'>;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** The last second that is written here: years beyond 9999 have no RFC 3339 form. */
export const UNIX_SECONDS_MAX = 253_402_300_799;

/** The instant `spanMs` later on the same clock. */
export function after<T extends MonotonicMs | UnixMs>(at: T, spanMs: number): T {
  return (at + spanMs) as T;
}

/** The earliest of some deadlines; `undefined` where none is set. */
export function earliest(...deadlines: readonly (MonotonicMs | undefined)[]): MonotonicMs | undefined {
  let first: MonotonicMs | undefined;
  for (const at of deadlines) if (at !== undefined && (first === undefined || at < first)) first = at;
  return first;
}

/** Unix seconds, rounded down: the unit of certificates, COSE claims and CRL numbers. */
export function unixSeconds(at: UnixMs): number {
  return Math.floor(at / SECOND_MS);
}

export function unixMsFromSeconds(seconds: number): UnixMs {
  return (seconds * SECOND_MS) as UnixMs;
}

/** RFC 3339 in UTC, to the second where the milliseconds are zero. */
export function toRfc3339(at: UnixMs): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}

/** One moment on both clocks: what every `handle*` of an engine is told. */
export interface Instant {
  readonly mono: MonotonicMs;
  readonly wall: UnixMs;
}
