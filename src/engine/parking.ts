import { after, type MonotonicMs, SECOND_MS } from '../base/time.ts';
import type { Message } from '../message/message.ts';
import { leafKeyOf, type Source } from './gate.ts';

/** Messages that wait for a certificate: a few a stranger, enough for the burst that follows a partition. */
export const PARKED_MAX = 512;
/** Certificates asked for at once. */
export const PARKED_CHAINS_MAX = 128;
/** A neighbour that has the message has its chain: longer silence means that it will not come. */
export const PARKED_MS_MAX = 10 * SECOND_MS;

export interface Parked {
  readonly message: Message;
  readonly source: Source;
}

interface Waiting {
  readonly until: MonotonicMs;
  readonly messages: Parked[];
}

/** Messages whose signer's certificate has been asked for. What does not fit is dropped; a pull brings it again. */
export class Parking {
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;

  /** @returns 'ask' where nobody has been asked for this certificate yet, 'full' where the message was not kept. */
  park(now: MonotonicMs, parked: Parked): 'ask' | 'wait' | 'full' {
    const leafKey = leafKeyOf(parked.message);
    const waiting = this.#waiting.get(leafKey);
    if (this.#count >= PARKED_MAX || (waiting === undefined && this.#waiting.size >= PARKED_CHAINS_MAX)) return 'full';
    this.#count++;
    if (waiting !== undefined) {
      waiting.messages.push(parked);
      return 'wait';
    }
    this.#waiting.set(leafKey, { until: after(now, PARKED_MS_MAX), messages: [parked] });
    return 'ask';
  }

  /** Whether this certificate has been asked for. */
  expects(leafKey: string): boolean {
    return this.#waiting.has(leafKey);
  }

  /** The certificate is there, or will not come: gives back what waited for it. */
  release(leafKey: string): readonly Parked[] {
    const waiting = this.#waiting.get(leafKey);
    if (waiting === undefined) return [];
    this.#waiting.delete(leafKey);
    this.#count -= waiting.messages.length;
    return waiting.messages;
  }

  deadline(): MonotonicMs | undefined {
    return this.#waiting.values().next().value?.until;
  }

  /** What has waited too long. */
  takeOverdue(now: MonotonicMs): Parked[] {
    const overdue: Parked[] = [];
    for (const [leafKey, { until }] of this.#waiting) {
      if (until > now) break; // in the order in which they were asked for
      overdue.push(...this.release(leafKey));
    }
    return overdue;
  }
}
