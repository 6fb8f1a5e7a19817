import { type Instant, type MonotonicMs, type UnixMs } from '../../base/time.ts';

/**
 * A moment of the wall clock that has come, and what has passed since by the clock that nobody sets: at least so late it
 * is, whatever the wall clock shows.
 */
export class PassedTime {
  #wall: UnixMs;
  #mono: MonotonicMs;

  constructor({ wall, mono }: Instant) {
    this.#wall = wall;
    this.#mono = mono;
  }

  /** In whole milliseconds, as wall clocks show them. */
  at(mono: MonotonicMs): UnixMs {
    return (this.#wall + Math.floor(Math.max(0, mono - this.#mono))) as UnixMs;
  }

  /** That moment has come too. @returns whether that is news. */
  raise(mono: MonotonicMs, wall: UnixMs): boolean {
    if (wall <= this.at(mono)) return false;
    this.#wall = wall;
    this.#mono = mono;
    return true;
  }
}
