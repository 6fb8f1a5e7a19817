import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { Socket } from 'node:net';

/** Requests under way on one HTTP/2 connection. */
export const REQUESTS_PER_CONNECTION_MAX = 16;
/** Octets that one HTTP/2 connection may hold in memory, in MB, as Node.js counts them. */
export const SESSION_MEGABYTES_MAX = 10;
/** Headers of one request, as on HTTP/1.1. */
export const HEADER_PAIRS_MAX = 64;
/** A connection must say which HTTP it speaks by then, and says something each so often after that. */
export const SILENT_MS_MAX = 20_000;

/** With what HTTP/2 begins on a connection without TLS (RFC 9113 section 3.4); no method of HTTP/1.1 does. */
const PREFACE = 'PRI ';

/**
 * HTTP/1.1 and HTTP/2 on one port without TLS, told apart by their first octets: clients of Connect on Node.js speak
 * HTTP/2 to `http://` addresses by prior knowledge, curl and browsers HTTP/1.1. For `createHttpApp`.
 */
export function createPlainServer(options: ServerOptions, listener: RequestListener): Server {
  const server = createServer(options, listener);
  const sessions = new Set<ServerHttp2Session>();
  const http2 = createHttp2Server(
    {
      settings: { maxConcurrentStreams: REQUESTS_PER_CONNECTION_MAX, enablePush: false },
      maxSessionMemory: SESSION_MEGABYTES_MAX,
      maxHeaderListPairs: HEADER_PAIRS_MAX,
    },
    listener as unknown as (request: Http2ServerRequest, response: Http2ServerResponse) => void,
  );
  http2.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.setTimeout(SILENT_MS_MAX, () => session.destroy());
  });
  http2.on('sessionError', () => {}); // the session ends; its socket is gone
  const takeHttp1 = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const undecided = new Set<Socket>();
  server.on('connection', (socket) => {
    undecided.add(socket);
    socket.once('close', () => undecided.delete(socket));
    hear(socket, (isHttp2) => {
      undecided.delete(socket);
      if (isHttp2) http2.emit('connection', socket);
      else for (const take of takeHttp1) take.call(server, socket);
    });
  });
  const closeHttp1 = server.closeAllConnections.bind(server);
  server.closeAllConnections = () => {
    for (const ending of [...sessions, ...undecided]) ending.destroy();
    closeHttp1();
  };
  return server;
}

/** Waits until the first octets tell which HTTP it is, and puts them back. */
function hear(socket: Socket, decide: (isHttp2: boolean) => void): void {
  const giveUp = (): void => void socket.destroy();
  socket.setTimeout(SILENT_MS_MAX, giveUp);
  socket.on('error', giveUp);
  const heard: Buffer[] = []; // put back only when it tells enough: what is put back is heard again at once
  const listen = (): void => {
    const next = socket.read() as Buffer | null;
    if (next === null) return;
    heard.push(next);
    const begins = Buffer.concat(heard).toString('latin1', 0, PREFACE.length);
    if (begins.length < PREFACE.length && PREFACE.startsWith(begins)) return;
    socket.off('readable', listen);
    socket.setTimeout(0);
    socket.off('timeout', giveUp);
    socket.unshift(Buffer.concat(heard));
    decide(begins === PREFACE);
  };
  socket.on('readable', listen);
}
