import { errorEntry } from '../../base/error-codes.ts';
import { isMeshError } from '../../base/errors.ts';
import type { AuthorityStore, AuthorityTransaction } from '../../ports/authority-store.ts';

/** A store that counts how often it failed, so that who asks whether it is well need not wait for the next look. */
export class WatchedStore implements AuthorityStore {
  readonly #store: AuthorityStore;
  #failures = 0;

  constructor(store: AuthorityStore) {
    this.#store = store;
  }

  /** Pieces of work that the store could not do. A refusal that the work itself came to is none. */
  get failures(): number {
    return this.#failures;
  }

  async transact<T>(work: (tx: AuthorityTransaction) => Promise<T>): Promise<T> {
    try {
      return await this.#store.transact(work);
    } catch (error) {
      if (!isMeshError(error) || errorEntry(error.code).status >= 500) this.#failures++;
      throw error;
    }
  }

  whyLost(): Promise<string | undefined> {
    return this.#store.whyLost();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
