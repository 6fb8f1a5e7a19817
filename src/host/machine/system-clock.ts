import type { Instant, MonotonicMs, UnixMs } from '../../base/time.ts';
import type { Clock } from '../../ports/clock.ts';

/** The clocks of this machine. */
export const systemClock: Clock = Object.freeze({
  monotonic: (): MonotonicMs => performance.now() as MonotonicMs,
  wall: (): UnixMs => Date.now() as UnixMs,
  now: (): Instant => ({ mono: performance.now() as MonotonicMs, wall: Date.now() as UnixMs }),
});
