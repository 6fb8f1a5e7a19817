import { MeshError } from '../../base/errors.ts';

/** Lets so many pieces of work run at a time, and so many wait; those beyond are refused at once. */
export class Turns {
  readonly #runningMax: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(runningMax: number, waitingMax: number) {
    this.#runningMax = runningMax;
    this.#waitingMax = waitingMax;
  }

  /** @throws ERR_OVERLOADED where too many wait; else what `work` throws. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#runningMax) this.#running++;
    else {
      if (this.#waiting.length >= this.#waitingMax)
        throw new MeshError('ERR_OVERLOADED', `${this.#waitingMax} batches wait for their turn`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next(); // the turn goes straight to it, so nobody slips in between
    }
  }
}
