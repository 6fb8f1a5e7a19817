import { BoundedMap } from '../../base/bounded.ts';
import { after, type Instant, type MonotonicMs, SECOND_MS } from '../../base/time.ts';
import type { HeldMessages } from '../held/held-messages.ts';
import { KEYS_MAX } from '../links/frame.ts';
import type { Link } from '../links/link.ts';
import { OUTGOING_BYTES_MAX } from '../links/outgoing-queue.ts';

/** Keys asked for and not yet received. */
export const WANTED_MAX = 4_096;
/** After this another peer is asked. */
const WANTED_MS = 2 * SECOND_MS;

/** Messages that are offered by key before they are sent, and those of peers that are asked for (spec 05). */
export class Offers {
  readonly #held: HeldMessages;
  readonly #read: (arrival: number) => Uint8Array | undefined;
  readonly #wanted = new BoundedMap<string, MonotonicMs>(WANTED_MAX);
  /** Those of this turn. */
  readonly #offers = new Map<Link, string[]>();

  /** @param read the bytes of the message that is held in this place of arrival. */
  constructor(held: HeldMessages, read: (arrival: number) => Uint8Array | undefined) {
    this.#held = held;
    this.#read = read;
  }

  add(link: Link, contentKey: string): void {
    const keys = this.#offers.get(link);
    if (keys === undefined) this.#offers.set(link, [contentKey]);
    else if (keys.length < KEYS_MAX) keys.push(contentKey); // else a pull brings it
  }

  /** Sends the offers that have gathered in this turn, one frame a peer. */
  flush(): void {
    for (const [link, keys] of this.#offers) link.send({ tag: 'have', keys });
    this.#offers.clear();
  }

  forget(link: Link): void {
    this.#offers.delete(link);
  }

  /** The message is here, whoever sent it: it is wanted no more. */
  handleReceived(contentKey: string): void {
    this.#wanted.delete(contentKey);
  }

  handleHave(now: Instant, link: Link, keys: readonly string[]): void {
    const unknown = keys.filter((key) => {
      if (this.#held.has(key)) return false;
      const askedAt = this.#wanted.peek(key);
      return askedAt === undefined || now.mono >= after(askedAt, WANTED_MS);
    });
    for (const key of unknown) this.#wanted.set(key, now.mono);
    if (unknown.length > 0) link.send({ tag: 'want', keys: unknown });
  }

  handleWant(link: Link, keys: readonly string[]): void {
    for (const key of keys) {
      if (link.isLaden || link.queuedBytes >= OUTGOING_BYTES_MAX / 2) return; // before it is shed: not worth a look into the store
      const held = this.#held.get(key);
      const bytes = held === undefined ? undefined : this.#read(held.arrival);
      if (held !== undefined && bytes !== undefined) link.sendMessage(bytes, held.origin);
    }
  }
}
