import { Budgets } from '../../../base/budgets.ts';
import { CLIENTS_MAX } from '../../../base/client-key.ts';
import { MeshError } from '../../../base/errors.ts';
import type { BucketRate } from '../../../base/token-bucket.ts';
import type { Clock } from '../../../ports/clock.ts';

/** Refusals that one client may cause: an honest one mistypes; somebody who tries on is slowed to one a second. */
export const REFUSALS_PER_CLIENT: BucketRate = { tokensPerSecond: 1, burstTokens: 60 };

/** How long a client that has used its budget up is told to wait. */
export const RETRY_AFTER_SEC = REFUSALS_PER_CLIENT.burstTokens / REFUSALS_PER_CLIENT.tokensPerSecond / 2;

/**
 * Slows down who keeps showing tickets that are refused, and nobody else: a wave of honest nodes behind one address
 * enrols at the full rate.
 */
export class RefusalBudget {
  readonly #clock: Clock;
  readonly #refusals = new Budgets<string>(REFUSALS_PER_CLIENT, CLIENTS_MAX);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws ERR_RATE_LIMITED where the client has used its budget up. */
  check(client: string): void {
    if (!this.#refusals.has(this.#clock.monotonic(), client))
      throw new MeshError('ERR_RATE_LIMITED', 'too many refused tickets from this address');
  }

  /** One more was refused. */
  note(client: string): void {
    this.#refusals.take(this.#clock.monotonic(), client);
  }
}
