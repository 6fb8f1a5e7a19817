import type { Server, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { IncomingMessage } from './builtin-http.ts';

/**
 * Bytes of a body that nobody wants that are read all the same, a piece at a time and thrown away: a client that
 * writes all of it before it reads gets to see why it was refused. Whoever sends more finds the connection closed.
 */
export const UNREAD_BODY_BYTES_MAX = 16 * 1024 * 1024;
/** As {@link UNREAD_BODY_BYTES_MAX}, for clients that send slowly. */
export const UNREAD_MS_MAX = 10_000;

/** Requests whose sender waits for «100 Continue» and has not been given it: no body comes of itself. */
const AWAITED = new WeakSet<IncomingMessage>();

/** Lets the app decide whether a client that asks may send its body, instead of always saying yes before it is asked. */
export function deferContinue(server: Server): void {
  const hold = (request: IncomingMessage, response: ServerResponse): void => {
    AWAITED.add(request);
    server.emit('request', request, response);
  };
  server.on('checkContinue', hold);
  // Other expectations may be ignored (RFC 9110 section 10.1.1).
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

/**
 * Bodies are asked for when a request has passed everything that can be judged without one, and what was refused
 * before its body has come is answered at once while the rest is thrown away (RFC 9112 section 9.6: a connection that
 * is closed with bytes unread resets, and takes the answer with it).
 *
 * @param bodyBytesMax where a route sets no limit of its own.
 */
export function handleUnreadBodies(app: FastifyInstance<Server>, bodyBytesMax: number): void {
  app.addHook('onRoute', (route) => {
    const before = [route.preParsing ?? []].flat();
    const limit = route.bodyLimit ?? bodyBytesMax;
    route.preParsing = [...before, async (request, reply) => letBodyCome(request, reply, limit)];
  });
  app.addHook('preParsing', async (request, reply) => {
    if (request.is404) letBodyCome(request, reply, bodyBytesMax);
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const { raw } = request;
    // HTTP/2 can end a stream by itself; and what is injected has no connection.
    if (!(raw instanceof IncomingMessage) || raw.complete || !hasBody(request)) return payload;
    if (AWAITED.has(raw)) {
      reply.header('connection', 'close'); // nothing is on its way, and nothing more is wanted
      return payload;
    }
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
    const bytes = Buffer.from(payload as string);
    reply.header('content-length', bytes.length);
    return Readable.from(answerThenRead(bytes, raw), { objectMode: false });
  });
}

/** Tells a client that waits for it to send its body, where that is not too large; else nothing. */
export function letBodyCome({ raw, headers }: FastifyRequest, reply: FastifyReply, limit: number): void {
  if (!AWAITED.has(raw) || Number(headers['content-length'] ?? 0) > limit) return;
  AWAITED.delete(raw);
  reply.raw.writeContinue();
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** The whole answer goes out first; the connection is let go when the request has ended too, or took too much. */
async function* answerThenRead(answer: Buffer, request: IncomingMessage): AsyncGenerator<Buffer> {
  yield answer;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => request.destroy(), UNREAD_MS_MAX);
    timer.unref();
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    let unread = 0;
    request.on('data', ({ length }: Buffer) => {
      unread += length;
      if (unread > UNREAD_BODY_BYTES_MAX) request.destroy();
    });
    request.once('end', end).once('close', end).once('error', end);
    if (request.complete || request.destroyed) end();
    request.resume();
  });
}
