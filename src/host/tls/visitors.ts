import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { connectionKeyOf } from './connection-key.ts';
import { boundLateHandshake } from './late-handshake.ts';
import { Strangers } from './strangers.ts';

/** Connections whose requests are being answered. 1,024 × ~70 KiB = 70 MiB, beside those that are waited for. */
export const ANSWERED_MAX = 1_024;
/** From a request's head to the last byte of its answer, for whoever sends or reads slowly: 4 MiB at 70 KB/s. */
export const VISITOR_ANSWER_MS_MAX = 60_000;
/** From an answer to the head of the next request on the same connection; the server closes idle ones before. */
export const NEXT_REQUEST_MS_MAX = 60_000;

interface Visit {
  readonly socket: Socket;
  /** Requests that were read and are not answered yet. */
  underWay: number;
}

/**
 * The connections of an HTTPS port that is open to the whole world: all of them are strangers' for as long as no
 * request of theirs is being answered. In their handshake, without a request, or idle, they have little time, and the
 * client with most of them gives way when there are too many; so do those that are answered, in a class of their own.
 * A client that says nothing, or a byte a second, shuts nobody out but itself.
 */
export class Visitors {
  readonly #waiting = new Strangers();
  readonly #answered = new Strangers(ANSWERED_MAX);
  readonly #visits = new Map<string, Visit>();

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => this.#handleTcp(socket));
    server.on('secureConnection', (socket) => this.#handleSecure(socket));
    server.on('request', ({ socket }, response) => {
      const key = connectionKeyOf(socket);
      if (key === undefined) return;
      this.#begin(key);
      response.once('close', () => this.#end(key));
    });
  }

  /** Connections that nothing is being answered on. */
  get waiting(): number {
    return this.#waiting.size;
  }

  #handleTcp(socket: Socket): void {
    const key = connectionKeyOf(socket);
    if (key === undefined) {
      socket.destroy(); // gone already
      return;
    }
    this.#visits.set(key, { socket, underWay: 0 });
    this.#wait(key, undefined);
    socket.once('close', () => {
      this.#visits.delete(key);
      this.#waiting.leave(key);
      this.#answered.leave(key);
    });
  }

  /** A handshake costs the other side something too: time for the request counts from here. */
  #handleSecure(socket: TLSSocket): void {
    boundLateHandshake(socket);
    const key = connectionKeyOf(socket);
    if (key === undefined || !this.#visits.has(key)) return;
    this.#waiting.leave(key);
    this.#wait(key, undefined);
  }

  #begin(key: string): void {
    const visit = this.#visits.get(key);
    if (visit === undefined || visit.underWay++ > 0) return;
    const { socket } = visit;
    this.#waiting.leave(key);
    this.#answered.admit(key, socket.remoteAddress, () => socket.destroy(), VISITOR_ANSWER_MS_MAX);
  }

  #end(key: string): void {
    const visit = this.#visits.get(key);
    if (visit === undefined || --visit.underWay > 0) return;
    this.#answered.leave(key);
    this.#wait(key, NEXT_REQUEST_MS_MAX);
  }

  #wait(key: string, msMax: number | undefined): void {
    const socket = this.#visits.get(key)?.socket;
    if (socket !== undefined) this.#waiting.admit(key, socket.remoteAddress, () => socket.destroy(), msMax);
  }
}
