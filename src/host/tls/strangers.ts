import { clientKeyOf } from '../../base/client-key.ts';

/**
 * Connections of which nothing is known. An honest handshake is over within a second; 512 × ~70 KiB = 35 MiB at
 * most for those that are not.
 */
export const STRANGERS_MAX = 512;
/** From the accepted connection to the proof of membership. Whoever never proves any is gone by then. */
export const STRANGER_MS_MAX = 10_000;

interface Stranger {
  readonly client: string;
  readonly drop: () => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Connections that have not proved to be a member's: in their handshake, or past it without a certificate. Where
 * there are too many, the client that has most of them gives way, with its oldest: one that opens thousands crowds out
 * itself, and a fleet behind one address has all the room that nobody else needs. An honest handshake ends soon and is
 * seldom the oldest, a half-open one is.
 */
export class Strangers {
  readonly #max: number;
  readonly #all = new Map<string, Stranger>();
  readonly #byClient = new Map<string, Set<string>>();

  constructor(max = STRANGERS_MAX) {
    this.#max = max;
  }

  get size(): number {
    return this.#all.size;
  }

  /** @param key tells this connection from all others; `drop` ends it. */
  admit(key: string, address: string | undefined, drop: () => void, msMax = STRANGER_MS_MAX): void {
    if (this.#all.size >= this.#max) this.#dropOldestOfMost();
    const client = clientKeyOf(address);
    const timer = setTimeout(() => this.#drop(key), msMax);
    timer.unref();
    this.#all.set(key, { client, drop, timer });
    this.#byClient.set(client, (this.#byClient.get(client) ?? new Set()).add(key));
  }

  /** The connection is a member's, or over. */
  leave(key: string): void {
    const stranger = this.#all.get(key);
    if (stranger === undefined) return;
    clearTimeout(stranger.timer);
    this.#all.delete(key);
    const ofClient = this.#byClient.get(stranger.client);
    if (ofClient?.delete(key) === true && ofClient.size === 0) this.#byClient.delete(stranger.client);
  }

  dropAll(): void {
    for (const key of Array.from(this.#all.keys())) this.#drop(key);
  }

  #dropOldestOfMost(): void {
    let most: ReadonlySet<string> = new Set();
    for (const ofClient of this.#byClient.values()) if (ofClient.size > most.size) most = ofClient;
    const oldest = most.values().next().value;
    if (oldest !== undefined) this.#drop(oldest);
  }

  #drop(key: string): void {
    const stranger = this.#all.get(key);
    this.leave(key);
    stranger?.drop();
  }
}
