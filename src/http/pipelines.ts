import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { IncomingMessage } from './builtin-http.ts';

/**
 * Requests of one HTTP/1.1 connection that were read and have not been answered. Browsers and libraries have one, load
 * generators ten; each takes some kilobytes until its turn comes.
 */
export const PIPELINED_REQUESTS_MAX = 256;

interface Pipeline {
  waiting: number;
  /** Set where nothing more is read: called when nothing waits. */
  end: (() => void) | undefined;
}

/**
 * Counts the requests that wait on each connection. Whoever sends ahead of its answers without bound gets those of the
 * requests that were taken, then a last one that says why, and the end of the connection.
 */
export class Pipelines {
  readonly #bySocket = new WeakMap<Socket, Pipeline>();
  readonly #farewell: string;

  /** @param farewell a whole answer, for who sent too far ahead. */
  constructor(farewell: string) {
    this.#farewell = farewell;
  }

  /** The listener within the bound. HTTP/2 has a bound of its own. */
  within(listener: RequestListener): RequestListener {
    return (request, response) => {
      if (!(request instanceof IncomingMessage) || this.#take(request.socket, response)) listener(request, response);
    };
  }

  /**
   * Reads no more of a connection and ends it when what was taken has been answered. Also where Node.js has lost count
   * itself: over TLS it hands on what it has decoded though it paused the connection, and its parser refuses that.
   */
  end(socket: Socket): void {
    const pipeline = this.#bySocket.get(socket) ?? { waiting: 0, end: undefined };
    this.#bySocket.set(socket, pipeline);
    if (pipeline.end !== undefined) return;
    discardInput(socket);
    pipeline.end = () => endWith(socket, this.#farewell);
    setTimeout(() => socket.destroy(), ANSWERS_MS_MAX).unref();
    if (pipeline.waiting === 0) pipeline.end();
  }

  #take(socket: Socket, response: ServerResponse): boolean {
    let pipeline = this.#bySocket.get(socket);
    if (pipeline === undefined) this.#bySocket.set(socket, (pipeline = { waiting: 0, end: undefined }));
    const counted = pipeline;
    if (counted.end !== undefined) return false;
    if (counted.waiting >= PIPELINED_REQUESTS_MAX) {
      this.end(socket);
      return false;
    }
    counted.waiting++;
    response.once('close', () => {
      counted.waiting--;
      if (counted.waiting === 0) counted.end?.();
    });
    return true;
  }
}

/** How long a client that was told why its connection ends has to read it. */
export const GOODBYE_MS_MAX = 2_000;
/** How long answers may take that a connection still waits for when nothing more is read from it. */
export const ANSWERS_MS_MAX = 20_000;

/** Says a last word on a connection; what still comes is read and thrown away, because a reset would take the word with it. */
export function endWith(socket: Socket, answer: string): void {
  socket.end(answer);
  socket.resume();
  setTimeout(() => socket.destroy(), GOODBYE_MS_MAX).unref();
}

/** Takes the input from the parser of Node.js. */
function discardInput(socket: Socket): void {
  const discard = (): void => {};
  socket.on('data', discard); // from now on the bytes come this way, and not to the parser by itself
  for (const listener of socket.listeners('data'))
    if (listener !== discard) socket.off('data', listener as (data: Buffer) => void);
  socket.resume();
}
