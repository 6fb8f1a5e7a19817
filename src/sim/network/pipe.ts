import type { Action } from '../event-queue.ts';
import type { VirtualTime } from '../virtual-time.ts';

export interface PipeWorld {
  /** How long the next piece is under way. */
  latencyMs(): number;
  /** Whether nothing passes at present. */
  isCut(): boolean;
  /** A piece came as far as the cut and waits: {@link Pipe.release} is to be called when the cut is over. */
  held(): void;
}

/** One direction of a connection. What is sent arrives later and in order; behind a cut it waits, as with TCP. */
export class Pipe {
  readonly #time: VirtualTime;
  readonly #world: PipeWorld;
  /** What happens at the far end, in the order in which it was sent. */
  readonly #underWay: Action[] = [];
  /** Of those, how many have come as far as the cut. */
  #waiting = 0;
  #lastAt = 0;

  constructor(time: VirtualTime, world: PipeWorld) {
    this.#time = time;
    this.#world = world;
  }

  /** @param arrive what happens at the far end. */
  send(arrive: Action): void {
    this.#underWay.push(arrive);
    this.#travel();
  }

  /** The cut is over: what waited goes on. */
  release(): void {
    for (; this.#waiting > 0; this.#waiting--) this.#travel();
  }

  /** Takes one piece to the far end: the first of those under way, whichever that is by then. */
  #travel(): void {
    this.#lastAt = Math.max(this.#lastAt, this.#time.nowMs + this.#world.latencyMs());
    this.#time.at(this.#lastAt, this.#arrive);
  }

  readonly #arrive = (): void => {
    if (!this.#world.isCut()) this.#underWay.shift()?.();
    else if (this.#waiting++ === 0) this.#world.held();
  };
}
