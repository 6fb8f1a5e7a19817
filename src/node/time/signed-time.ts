import type { Instant, UnixMs } from '../../base/time.ts';
import { PassedTime } from './passed-time.ts';

/** What a node knows of the time by what its authority has signed, beside the clocks that it is told. */
export class SignedTime {
  readonly #passed: PassedTime;
  #newest = 0 as UnixMs;

  /** @param start of the node. */
  constructor(start: Instant) {
    this.#passed = new PassedTime(start);
  }

  /** The newest time of anything that the authority signed and this node has taken; 0 for none. */
  get newest(): UnixMs {
    return this.#newest;
  }

  /** Something was taken that the authority signed at that time: by then it was so late. */
  handleSigned({ mono }: Instant, at: UnixMs): void {
    this.#passed.raise(mono, at);
    this.#newest = Math.max(this.#newest, at) as UnixMs;
  }

  /**
   * The time that forgetting goes by. What has ended is forgotten when that has surely come: a clock that is set far ahead,
   * perhaps only until somebody sets it right, must not cost what was acknowledged, nor bring back who was revoked. A clock
   * that was behind is believed when the authority has signed something later.
   */
  forgetting({ mono, wall }: Instant): Instant {
    return { mono, wall: Math.min(wall, this.#passed.at(mono)) as UnixMs };
  }
}
