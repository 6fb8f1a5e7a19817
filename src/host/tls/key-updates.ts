import type { TLSSocket } from 'node:tls';
import { type BucketRate, TokenBucket } from '../../base/token-bucket.ts';
import { systemClock } from '../machine/system-clock.ts';

/**
 * Keys that a connection may change, of both directions. Libraries change one after some ten million records, so an honest
 * peer never comes near. Each is a record of 27 bytes and some 12 microseconds within OpenSSL, out of which comes no
 * byte that is counted anywhere: eleven thousand a second held up all other links for seconds (T3).
 */
export const KEY_UPDATE_RATE: BucketRate = Object.freeze({ tokensPerSecond: 1 / 60, burstTokens: 32 });

/** What @types/node does not tell of: the public `pause` only reaches what has been decrypted. */
interface Readable {
  readonly _handle?: { readStop?: () => void } | null;
}

/**
 * Ends a connection, its handshake done, on which keys are changed without need. The only word of it is the log of secrets
 * that `SSLKEYLOGFILE` is for; the secrets are not looked at, and those of the handshake are not in it any more.
 */
export function boundKeyUpdates(socket: TLSSocket): void {
  const budget = new TokenBucket(KEY_UPDATE_RATE, systemClock.monotonic());
  let isOver = false;
  socket.on('keylog', () => {
    if (isOver || budget.take(systemClock.monotonic())) return;
    isOver = true;
    // This is called from within OpenSSL: it must not be freed now, but need not read on.
    (socket as unknown as Readable)._handle?.readStop?.();
    setImmediate(() => socket.destroy());
  });
}
