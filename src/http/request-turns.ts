import type { Socket } from 'node:net';
import type { MonotonicMs } from '../base/time.ts';
import type { WorkShares } from '../base/work-share.ts';

interface Waiting {
  readonly begin: () => void;
  readonly bodyBytes: number;
}

/**
 * What a body counts for, above what is measured: whatever is answered, it is decrypted, read and thrown away, or parsed,
 * when the turn is over.
 */
const BODY_BYTES_PER_WORK_MS = 128 * 1024;
/** What a request counts for at least: it was parsed and laid out before its turn came, also where it was taken back. */
const REQUEST_WORK_MS = 0.1;

export interface RequestTurnsOptions<Client> {
  /** Whose connection it is; who has many is one all the same. */
  readonly clientOf: (socket: Socket) => Client;
  readonly shares: WorkShares<Client>;
  readonly now: () => MonotonicMs;
}

/**
 * Lets requests begin one in each turn of the event loop, clients in turn, and each within its share of the process. So
 * whatever waits beside them, links above all, is looked at between any two of them: without this all that had come on
 * fifty connections was done at once, and a message that takes four turns waited four times for it (T3).
 */
export class RequestTurns<Client> {
  readonly #options: RequestTurnsOptions<Client>;
  /** Of each client that waits its requests, in the order in which clients have their turn. */
  readonly #waiting = new Map<Client, Waiting[]>();
  #isDue = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RequestTurnsOptions<Client>) {
    this.#options = options;
  }

  /** Calls `begin` when the turn of the connection's client has come. How many may wait, the connections bound. */
  add(socket: Socket, bodyBytes: number, begin: () => void): void {
    const client = this.#options.clientOf(socket);
    const ofClient = this.#waiting.get(client);
    if (ofClient === undefined) this.#waiting.set(client, [{ begin, bodyBytes }]);
    else ofClient.push({ begin, bodyBytes });
    this.#wake();
  }

  #wake(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    let finish: (() => void) | undefined;
    setImmediate(() => (finish = this.#begin()));
    // Right behind it: what the request came to at once, promises included, is done by then, and nothing else.
    setImmediate(() => {
      this.#isDue = false;
      finish?.();
      if (finish !== undefined && this.#waiting.size > 0) this.#wake();
    });
  }

  /** @returns to be called when what was begun has been done; `undefined` where nobody's turn has come. */
  #begin(): (() => void) | undefined {
    const { shares, now } = this.#options;
    const startedAt = now();
    let restMs = Number.POSITIVE_INFINITY;
    for (const [client, ofClient] of this.#waiting) {
      const clientRestMs = shares.of(client).restMs(startedAt);
      restMs = Math.min(restMs, clientRestMs);
      if (clientRestMs > 0) continue;
      const [next] = ofClient.splice(0, 1);
      this.#waiting.delete(client);
      if (ofClient.length > 0) this.#waiting.set(client, ofClient); // behind all others
      next?.begin();
      const bodyMs = (next?.bodyBytes ?? 0) / BODY_BYTES_PER_WORK_MS;
      return () => {
        const endedAt = now();
        shares.of(client).handleWork(endedAt, REQUEST_WORK_MS + bodyMs + endedAt - startedAt);
      };
    }
    this.#rest(restMs);
    return undefined;
  }

  #rest(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#wake(), ms).unref();
  }
}
