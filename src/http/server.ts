import type { RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { IncomingMessage } from './builtin-http.ts';
import type {} from '@fastify/rate-limit'; // what it adds to the application
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { PROBLEM_MEDIA_TYPE, problemOf } from '../api/problem.ts';
import { textOfUtf8 } from '../base/bytes.ts';
import { CLIENTS_MAX, clientKeyOf } from '../base/client-key.ts';
import { errorEntry } from '../base/error-codes.ts';
import { knownError, MeshError } from '../base/errors.ts';
import { parseJson } from '../codec/json.ts';
import { plainBytes } from '../crypto/plain-bytes.ts';
import { endWith, PIPELINED_REQUESTS_MAX, Pipelines } from './pipelines.ts';
import type { RequestTurns } from './request-turns.ts';
import { deferContinue, handleUnreadBodies } from './unread-body.ts';

/** Largest body, judged by the length that the request claims before a byte of it is read (T16). */
export const BODY_BYTES_MAX = 64 * 1024;
/** Request line and headers together. */
export const HEADER_BYTES_MAX = 8 * 1024;
/** Header lines of a request: browsers send some twenty. */
export const HEADERS_MAX = 64;
/** A whole request must have arrived by then, so that slow senders hold no sockets (slow-loris). */
export const REQUEST_MS_MAX = 20_000;
/** As {@link REQUEST_MS_MAX}, for the request line and the headers. */
export const HEADERS_MS_MAX = 10_000;
/** How often late requests are looked for. Each look wakes the process, also where nobody has asked anything. */
const CHECK_MS = 10_000;
/** As {@link CHECK_MS}, on sockets that only the owner of the directory reaches, who floods nobody but himself. */
export const OWNERS_CHECK_MS = 600_000;
/** An idle connection is kept this long for the next request. */
export const KEEP_ALIVE_MS = 30_000;
/** Open connections. 70 KiB each with TLS: 140 MiB at most. */
export const HTTP_CONNECTIONS_MAX = 2_000;

/** What a request came to, for the log. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly elapsedMs: number;
  /** `ERR_...` where it was refused. */
  readonly code: string | undefined;
}

/** How many requests a client may send in how long. */
export interface RequestRate {
  readonly requestsMax: number;
  readonly windowMs: number;
}

export interface HttpAppOptions {
  /** Makes the server that will carry the app: plain, TLS, or one that is handed its connections. */
  readonly createServer: (options: ServerOptions, listener: RequestListener) => Server;
  /** How long a whole request may take to arrive (default: {@link REQUEST_MS_MAX}). */
  readonly requestMsMax?: number;
  /** `undefined`: no limit on requests a minute, for sockets that only the owner of the directory can reach. */
  readonly rate: RequestRate | undefined;
  /** Where requests wait for their turn (default: each begins when it has come). */
  readonly turns?: Pick<RequestTurns<unknown>, 'add'>;
  /** How often late requests are looked for (default: {@link CHECK_MS}). */
  readonly checkMs?: number;
  readonly onRequestDone?: (record: RequestRecord) => void;
  /** Errors that are none of ours: the caller is told nothing of them. */
  readonly onUnexpected?: (error: unknown) => void;
  /** A connection could not be taken: the system has no descriptors or memory left. The server goes on listening. */
  readonly onTrouble?: (error: unknown) => void;
}

/** An app with routes still to be added; see {@link createHttpApp}. */
export type HttpApp = FastifyInstance<Server>;

/**
 * What the HTTP servers of authority and node share: limits before anything is parsed, every refusal as problem+json
 * with its status from the one table, unknown routes and methods told apart, and no word about what runs here.
 *
 * The caller adds routes, then listens, or calls `app.ready()` where connections are handed over.
 */
export async function createHttpApp(options: HttpAppOptions): Promise<HttpApp> {
  const pipelines = new Pipelines(answerOf(TOO_FAR_AHEAD));
  const app = fastify({
    serverFactory: (listener) => serverWithin(options, pipelines.within(inTurns(options, listener))),
    bodyLimit: BODY_BYTES_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: options.requestMsMax ?? REQUEST_MS_MAX,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: true,
    logger: false,
    routerOptions: { maxParamLength: 128, caseSensitive: true },
    // The framework's own are loaded even where no route has a schema: 3 MiB of every process that serves.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    frameworkErrors: (error, _request, reply) => answerError(options, error, reply as FastifyReply),
    clientErrorHandler: (error, socket) => {
      if ((error as NodeJS.ErrnoException).code === 'HPE_PAUSED') pipelines.end(socket);
      else answerUnparsed(error, socket);
    },
  }) as unknown as HttpApp;

  app.removeContentTypeParser(['text/plain', 'application/json']);
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    parseJson(textOfUtf8(plainBytes(body))),
  );
  handleUnreadBodies(app, BODY_BYTES_MAX);
  app.addHook('onRequest', async (request, reply) => {
    if (request.raw instanceof IncomingMessage) refuseAmbiguous(request.raw);
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
  });
  if (options.onRequestDone !== undefined) {
    const done = options.onRequestDone;
    app.addHook('onResponse', async (request, reply) => done(recordOf(request, reply)));
  }
  app.setErrorHandler((error, _request, reply) => answerError(options, error, reply));
  if (options.rate !== undefined) await limitRate(app, options.rate);
  app.setNotFoundHandler(
    options.rate === undefined ? {} : { preHandler: app.rateLimit() },
    (request: FastifyRequest, reply: FastifyReply) => answerError(options, notFound(app, request, reply), reply),
  );
  return app;
}

/** The listener within the turns of clients. Who has gone meanwhile, or taken its request back, is not listened to. */
function inTurns({ turns }: HttpAppOptions, listener: RequestListener): RequestListener {
  if (turns === undefined) return listener;
  return (request, response) => {
    let isOver = false;
    response.once('close', () => (isOver = true));
    turns.add(request.socket, bodyBytesOf(request), () => {
      if (!isOver) listener(request, response);
    });
  };
}

/** What is coming, as far as it is read. */
function bodyBytesOf({ headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return BODY_BYTES_MAX;
  const length = Number(headers['content-length'] ?? 0);
  return length >= 0 ? Math.min(length, BODY_BYTES_MAX) : 0;
}

/** Bodies are judged by the schemas of `src/api` in the handlers; a schema on a route would be a second way. */
function noSchemas(): never {
  throw new RangeError('routes have no schemas of their own');
}

/** What two readers may take for two requests: whom it is for, and by which rules it is read (RFC 9112 section 3.2). */
function refuseAmbiguous({ httpVersion, headersDistinct }: IncomingMessage): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0')
    throw new MeshError('ERR_INPUT', `HTTP ${httpVersion} is not read here`, 'send HTTP/1.1');
  // What is between here and a client may know another coding, and see another end of the body (section 7).
  const codings = headersDistinct['transfer-encoding'] ?? ['chunked'];
  if (codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked')
    throw new MeshError(
      'ERR_INPUT',
      'the body has a transfer coding that is not read here',
      'send it chunked, or with its length',
    );
  if ((headersDistinct['host']?.length ?? 0) > 1) throw new MeshError('ERR_INPUT', 'the request has two Host headers');
}

/** The connection that a request came on; a `TLSSocket` on TLS servers. */
export function socketOf(request: FastifyRequest): Socket {
  return request.raw.socket;
}

function serverWithin(options: HttpAppOptions, listener: RequestListener): Server {
  const server = options.createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_MS_MAX,
      requestTimeout: options.requestMsMax ?? REQUEST_MS_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: options.checkMs ?? CHECK_MS,
      requireHostHeader: true,
      insecureHTTPParser: false,
    },
    listener,
  );
  server.maxHeadersCount = HEADERS_MAX;
  server.maxConnections = HTTP_CONNECTIONS_MAX;
  // Errors of `listen` are for who called it.
  server.on('listening', () => server.on('error', (error) => options.onTrouble?.(error)));
  deferContinue(server);
  return server;
}

async function limitRate(app: HttpApp, rate: RequestRate): Promise<void> {
  const { default: rateLimit } = await import('@fastify/rate-limit'); // a node does without
  await app.register(rateLimit, {
    global: true,
    max: rate.requestsMax,
    timeWindow: rate.windowMs,
    cache: CLIENTS_MAX,
    keyGenerator: (request) => clientKeyOf(socketOf(request).remoteAddress),
    errorResponseBuilder: (_request, context) =>
      new MeshError('ERR_RATE_LIMITED', `more than ${context.max} requests in ${rate.windowMs / 1_000} s`),
  });
}

function answerError(options: HttpAppOptions, error: unknown, reply: FastifyReply): void {
  const known = meshErrorOf(error);
  if (known === undefined || LOGGED_CODES.has(known.code)) options.onUnexpected?.(error);
  const problem = problemOf(known);
  reply.header('chainmail-error', problem.code);
  const { retryAfterSec } = errorEntry(known?.code ?? 'ERR_INTERNAL');
  if (retryAfterSec !== undefined && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfterSec);
  // As bytes: to text the framework would add a charset, which JSON has none of (RFC 8259 section 11).
  reply
    .code(problem.status)
    .type(PROBLEM_MEDIA_TYPE)
    .send(Buffer.from(JSON.stringify(problem)));
}

/** Errors that the operator has to learn of: their callers are told less. */
const LOGGED_CODES: ReadonlySet<string> = new Set(['ERR_INTERNAL', 'ERR_STORAGE']);

/** The framework's own refusals in our words; `undefined` for what nobody expected. */
function meshErrorOf(error: unknown): MeshError | undefined {
  const ours = knownError(error);
  if (ours !== undefined) return ours;
  const { code, statusCode, message } = error as FastifyError;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new MeshError('ERR_BODY_TOO_LARGE', `body is larger than ${BODY_BYTES_MAX} bytes`);
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new MeshError('ERR_MEDIA_TYPE', 'the content type of the body is not accepted', 'send application/json');
  if (code === 'FST_ERR_BAD_URL') return new MeshError('ERR_INPUT', 'the path is not a valid URL path');
  if (error instanceof SyntaxError || (statusCode !== undefined && statusCode >= 400 && statusCode < 500))
    return new MeshError('ERR_INPUT', `the request is malformed: ${message.slice(0, 120)}`);
  return undefined;
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'] as const;

function notFound(app: HttpApp, request: FastifyRequest, reply: FastifyReply): MeshError {
  const url = request.url.split('?', 1)[0] as string;
  const allowed = METHODS.filter((method) => app.findRoute({ method, url }) !== null);
  if (allowed.length === 0) return new MeshError('ERR_NOT_FOUND', 'there is nothing at this path');
  reply.header('allow', allowed.join(', '));
  return new MeshError('ERR_METHOD', `this path takes ${allowed.join(', ')}`);
}

/** For bytes that are no HTTP request at all: one answer, and the connection is closed. */
function answerUnparsed(error: Error & { code?: string }, socket: Socket): void {
  // In the handshake nothing can be said yet; and where an answer is under way a second one would only confuse.
  if (!isSecured(socket) || error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  endWith(socket, answerOf(unparsedError(error)));
}

const TOO_FAR_AHEAD = new MeshError(
  'ERR_RATE_LIMITED',
  `too many requests wait for their answers on this connection: ${PIPELINED_REQUESTS_MAX}, or more than it could be answered`,
  'send the rest again on a new connection',
);

/** A whole answer, for where there is no request to answer. */
function answerOf(error: MeshError): string {
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  return (
    `HTTP/1.1 ${problem.status} Refused\r\ncontent-type: ${PROBLEM_MEDIA_TYPE}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  );
}

function unparsedError({ code }: Error & { code?: string }): MeshError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new MeshError('ERR_HEADERS_TOO_LARGE', `headers are larger than ${HEADER_BYTES_MAX} bytes`);
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new MeshError('ERR_REQUEST_TIMEOUT', `no whole request came within ${REQUEST_MS_MAX / 1_000} s`);
  return new MeshError('ERR_INPUT', 'this is no HTTP request that is read here');
}

/** Node.js notes the answer that is under way here, and looks at it for the same reason. */
function isAnswering(socket: Socket & { readonly _httpMessage?: ServerResponse | null }): boolean {
  return socket._httpMessage?.headersSent === true;
}

/** `getProtocol` would tell too, but ends the process where the connection is being torn down. */
function isSecured(socket: Socket): boolean {
  return (socket as TLSSocket).alpnProtocol !== null; // null until the handshake is done
}

function recordOf(request: FastifyRequest, reply: FastifyReply): RequestRecord {
  const code = reply.getHeader('chainmail-error');
  return {
    method: request.method,
    path: request.routeOptions.url ?? '(unknown)',
    status: reply.statusCode,
    elapsedMs: Math.round(reply.elapsedTime * 10) / 10,
    code: typeof code === 'string' ? code : undefined,
  };
}
