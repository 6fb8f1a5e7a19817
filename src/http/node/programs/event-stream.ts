import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Bytes that may wait for a slow reader. Beyond it the stream ends: whoever reads on asks again with `after`. */
export const UNREAD_EVENTS_BYTES_MAX = 4 * 1024 * 1024;

/** Server-sent events to one reader, one JSON object each (HTML standard section 9.2). */
export class EventStream {
  readonly #response: ServerResponse;

  /** Answers the request with the head of a stream that goes on until the reader leaves. */
  constructor(reply: FastifyReply) {
    reply.hijack();
    this.#response = reply.raw;
    this.#response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    this.#response.flushHeaders();
  }

  /** @param id what a reader gives as `after` to go on behind this event. */
  send(json: unknown, id?: number): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    this.#response.write(`${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(json)}\n\n`);
    if (this.#response.writableLength > UNREAD_EVENTS_BYTES_MAX) this.#response.destroy();
  }

  /**
   * Waits until the reader has taken what was sent, as far as it is more than a little: to send on without would only fill
   * memory. @returns false where the reader has gone.
   */
  async untilRead(): Promise<boolean> {
    const response = this.#response;
    while (response.writableNeedDrain && !response.destroyed)
      await new Promise<void>((resolve) => {
        const go = (): void => {
          response.off('drain', go).off('close', go);
          resolve();
        };
        response.on('drain', go).on('close', go);
      });
    return !response.destroyed;
  }

  /** Ends the stream where what is to be sent cannot be had: a reader that waited would never learn of it. */
  async endingOnError(sending: Promise<void>): Promise<void> {
    try {
      await sending;
    } catch (error) {
      this.#response.destroy();
      throw error;
    }
  }

  /** Calls back once, when the reader has gone or was too slow. */
  onEnd(end: () => void): void {
    if (this.#response.destroyed) end();
    else this.#response.once('close', end);
  }
}
