import { messageOf } from '../../base/errors.ts';
import { SECOND_MS, toRfc3339, type MonotonicMs } from '../../base/time.ts';
import type { AuthorityCore } from '../core.ts';

/** How long a look at the store is good for, as long as nothing fails: each costs a commit, and anybody may ask. */
export const STORE_LOOK_MS = 5 * SECOND_MS;

/** Whether an authority can do its work: sign, publish its list, and keep what it promises. */
export class Readiness {
  readonly #core: AuthorityCore;
  #look:
    | { readonly at: MonotonicMs; readonly failures: number; readonly trouble: Promise<string | undefined> }
    | undefined;

  constructor(core: AuthorityCore) {
    this.#core = core;
  }

  /** @returns `undefined`: ready. Else what is wrong, in words that strangers may read. */
  async trouble(): Promise<string | undefined> {
    const { clock, clockGuard, crls, store } = this.#core;
    const lost = await store.whyLost();
    if (lost !== undefined) return lost;
    const now = clock.now();
    try {
      clockGuard.check(now);
    } catch (error) {
      return messageOf(error);
    }
    const { nextUpdate } = crls.current;
    if (now.wall >= nextUpdate)
      return `the revocation list expired at ${toRfc3339(nextUpdate)} and no new one is signed`;
    return this.#storeTrouble(now.mono);
  }

  /** Once anything has failed, a look among it, the next who asks has it looked at anew. */
  #storeTrouble(at: MonotonicMs): Promise<string | undefined> {
    const { failures } = this.#core.store;
    if (this.#look === undefined || at - this.#look.at >= STORE_LOOK_MS || failures !== this.#look.failures)
      this.#look = { at, failures, trouble: lookAtStore(this.#core) };
    return this.#look.trouble;
  }
}

/** A disk that is full, or was made read-only, is seen only by who writes. */
async function lookAtStore({ store, clock }: AuthorityCore): Promise<string | undefined> {
  try {
    await store.transact((tx) => tx.setMeta('last-look', String(clock.wall())));
    return undefined;
  } catch (error) {
    const { cause } = error as Error; // the error of the store names the file, which is nobody else's business
    return `the store cannot be written: ${messageOf(cause ?? error)}`;
  }
}
