import type { Instant, MonotonicMs, UnixMs } from '../base/time.ts';

/** The host's two clocks. Only `host/` and `sim/` have one; engines are told the time. */
export interface Clock {
  monotonic(): MonotonicMs;
  wall(): UnixMs;
  /** Both at once. */
  now(): Instant;
}
