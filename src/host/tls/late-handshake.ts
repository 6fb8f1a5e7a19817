import type { TLSSocket } from 'node:tls';
import { type BucketRate, TokenBucket } from '../../base/token-bucket.ts';
import { systemClock } from '../machine/system-clock.ts';

/**
 * Handshake messages of a connection behind its handshake: changes of keys, of both directions, and session tickets. A
 * server gives two tickets, and libraries change a key after some ten million records, so an honest peer never comes near.
 * Each is a record of 27 bytes or more and some 12 microseconds within OpenSSL, out of which comes no byte that is counted
 * anywhere: eleven thousand changes of keys a second held up all other links for seconds (T3).
 */
export const LATE_HANDSHAKE_RATE: BucketRate = Object.freeze({ tokensPerSecond: 1 / 60, burstTokens: 32 });

/** What @types/node does not tell of: the public `pause` only reaches what has been decrypted. */
interface Readable {
  readonly _handle?: { readStop?: () => void } | null;
}

/**
 * Ends a connection, its handshake done, on which the handshake goes on without need. The only word of a changed key is the
 * log of secrets that `SSLKEYLOGFILE` is for; the secrets are not looked at, and those of the handshake are not in it any
 * more.
 */
export function boundLateHandshake(socket: TLSSocket): void {
  const budget = new TokenBucket(LATE_HANDSHAKE_RATE, systemClock.monotonic());
  let isOver = false;
  const count = (): void => {
    if (isOver || budget.take(systemClock.monotonic())) return;
    isOver = true;
    // This is called from within OpenSSL: it must not be freed now, but need not read on.
    (socket as unknown as Readable)._handle?.readStop?.();
    setImmediate(() => socket.destroy());
  };
  socket.on('keylog', count);
  socket.on('session', count);
}
