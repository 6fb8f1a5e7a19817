import type { TLSSocket } from 'node:tls';
import type { Bytes } from '../../base/bytes.ts';
import type { MonotonicMs } from '../../base/time.ts';
import type { WorkShare } from '../../base/work-share.ts';
import { plainBytes } from '../../crypto/plain-bytes.ts';
import { systemClock } from '../machine/system-clock.ts';

/**
 * Bytes that wait to leave through one socket. Flow control keeps honest peers far below; one that reads nothing
 * while it asks for more is cut off.
 */
export const UNSENT_BYTES_MAX = 8 * 1024 * 1024;
/** After our last word the peer gets this long to close in order. */
export const CLOSE_MS_MAX = 1_000;

export interface LinkSocketOwner {
  bytes(bytes: Bytes): void;
  /** The socket is gone, whoever closed it. Comes once. */
  closed(): void;
}

/** The socket under one link: bytes out within a bound, bytes in within its share of the process, one end. */
export class LinkSocket {
  readonly #socket: TLSSocket;
  readonly #share: WorkShare;

  /** @param share of the peer, over all that it says to this process. */
  constructor(socket: TLSSocket, share: WorkShare, owner: LinkSocketOwner) {
    this.#socket = socket;
    this.#share = share;
    socket.on('data', (chunk: Uint8Array) => {
      const startedAt = systemClock.monotonic();
      owner.bytes(plainBytes(chunk));
      const now = systemClock.monotonic();
      this.#restAfter(now, now - startedAt);
    });
    socket.on('error', () => socket.destroy());
    // Nobody listens any more. To end in order, with a last record and a half-closed connection, would cost a link that comes
    // and goes a twentieth of its time, and wait for a peer that reads nothing.
    socket.once('end', () => socket.destroy());
    socket.once('close', () => owner.closed());
  }

  write(bytes: Bytes): void {
    if (!this.#socket.writable) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > UNSENT_BYTES_MAX) this.#socket.destroy();
  }

  /** Ends the connection once what was written before has gone out. */
  close(): void {
    if (this.#socket.destroyed) return;
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), CLOSE_MS_MAX).unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #restAfter(now: MonotonicMs, workMs: number): void {
    const restMs = this.#share.handleWork(now, workMs);
    if (restMs < 1) return;
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), restMs).unref();
  }
}
