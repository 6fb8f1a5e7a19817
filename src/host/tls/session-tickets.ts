import { X509Certificate } from 'node:crypto';
import type { Server } from 'node:tls';
import { after, MINUTE_MS, type MonotonicMs, SECOND_MS, type UnixMs } from '../../base/time.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Random } from '../../ports/random.ts';
import type { TlsIdentity } from './server-options.ts';

/** A link that broke is dialled again within seconds; who comes later than this proves its key again. */
export const SESSION_TICKET_MS_MAX = 5 * MINUTE_MS;
/**
 * Whoever reads a key of tickets from memory gets the secrets of the sessions of so long, and no more: twice as long as a
 * ticket may live, so that most are still good when they are used.
 */
export const SESSION_TICKET_KEY_MS_MAX = 2 * SESSION_TICKET_MS_MAX;
/** What Node.js takes: name, HMAC key and AES key of the tickets, 16 bytes each. */
const SESSION_TICKET_KEY_BYTES = 48;

/**
 * How long a session may be resumed after its full handshake: no longer than until the next look for revocations, nor
 * than the server's certificate lives. What is left of the client's is judged when it resumes.
 */
export function sessionTicketMsOf({ certificate }: TlsIdentity, wall: UnixMs, revocationPollMs: number): number {
  const leftMs = new X509Certificate(certificate).validToDate.getTime() - wall;
  return Math.max(SECOND_MS, Math.min(SESSION_TICKET_MS_MAX, revocationPollMs, leftMs));
}

/** The key that seals the session tickets of one server: made anew in time, and whenever no old ticket may count. */
export class SessionTicketKey {
  readonly #server: Pick<Server, 'setTicketKeys'>;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #random: Pick<Random, 'bytes'>;
  #until: MonotonicMs = 0 as MonotonicMs;

  constructor(server: Pick<Server, 'setTicketKeys'>, clock: Pick<Clock, 'monotonic'>, random: Pick<Random, 'bytes'>) {
    this.#server = server;
    this.#clock = clock;
    this.#random = random;
    this.rotate();
  }

  /** From now on no ticket that was given before opens: who offers one gets a full handshake. */
  rotate(): void {
    this.#server.setTicketKeys(Buffer.from(this.#random.bytes(SESSION_TICKET_KEY_BYTES)));
    this.#until = after(this.#clock.monotonic(), SESSION_TICKET_KEY_MS_MAX);
  }

  rotateIfDue(): void {
    if (this.#clock.monotonic() >= this.#until) this.rotate();
  }
}
