import type { Instant, MonotonicMs, UnixMs } from '../../base/time.ts';
import { TimeFloor } from '../../node/time/time-floor.ts';
import type { Clock } from '../../ports/clock.ts';

/** A clock of the machine, with what the authority has signed as its floor. */
export class FlooredClock implements Clock {
  readonly #clock: Clock;
  readonly #floor: TimeFloor;

  /** @param kept the floor of the last run; 0 for none. */
  constructor(clock: Clock, kept: UnixMs) {
    this.#clock = clock;
    this.#floor = new TimeFloor(clock.now(), kept);
  }

  monotonic(): MonotonicMs {
    return this.#clock.monotonic();
  }

  wall(): UnixMs {
    return this.#floor.wallAt(this.#clock.now());
  }

  now(): Instant {
    const now = this.#clock.now();
    return { mono: now.mono, wall: this.#floor.wallAt(now) };
  }

  /** See {@link TimeFloor.raise}. */
  raise(signedAt: UnixMs): UnixMs | undefined {
    return this.#floor.raise(this.#clock.now(), signedAt);
  }

  /** See {@link TimeFloor.behindMs}. */
  get behindMs(): number {
    return this.#floor.behindMs(this.#clock.now());
  }
}
