import { MeshError } from '../base/errors.ts';

/** Pieces of work that wait for another on the same stream. Above it callers are refused at once. */
export const LANES_WAITING_MAX = 1_000;

/**
 * Runs pieces of work on one key one after another, and those on different keys side by side. So what a piece has
 * judged is still so when what it asked of the store has been done.
 */
export class Lanes {
  readonly #last = new Map<string, Promise<unknown>>();
  #waiting = 0;

  /** @throws ERR_OVERLOADED where too much waits. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= LANES_WAITING_MAX)
      throw new MeshError('ERR_OVERLOADED', `${LANES_WAITING_MAX} calls wait for their streams`);
    this.#waiting++;
    const before = this.#last.get(key);
    const mine = (before ?? Promise.resolve()).then(work, work);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      this.#waiting--;
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
