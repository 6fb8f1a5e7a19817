import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import type { Bytes } from '../../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../../base/errors.ts';
import { TLS_GROUPS } from '../tls/groups.ts';
import { withSocketPath } from './control-socket.ts';

// An `import` of their values would load a browser's WebSocket and the whole of fetch with them: 3 MiB.
const { request: requestHttp } = process.getBuiltinModule('node:http');
const { Agent: HttpsAgent, request: requestHttps } = process.getBuiltinModule('node:https');

/** A whole exchange, from the dial to the last byte of the answer. */
export const EXCHANGE_MS_MAX = 20_000;
/** Largest answer that is read; a CRL of 100,000 entries has 4 MiB. */
export const HTTP_ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** A server that is held to the anchor which is given here and to no other. */
export interface TlsTarget {
  readonly tag: 'tls';
  /** `https://HOST:PORT`. */
  readonly endpoint: string;
  /** PEM certificates; nothing that the machine trusts otherwise counts. */
  readonly trustAnchors: readonly string[];
  /** The DNS name that the server's certificate must have; by default the host of the endpoint. */
  readonly serverName?: string;
  /** PEM; `certificate` is the leaf and then its issuers. */
  readonly client?: { readonly certificate: string; readonly key: string };
}

/** A server of no mesh: `http://HOST:PORT`, or `https://` under what this machine trusts. Only its origin counts. */
export interface WebTarget {
  readonly tag: 'web';
  readonly url: string;
}

/** Whom to ask. */
export type Target = TlsTarget | WebTarget | { readonly tag: 'socket'; readonly path: string };

/** For people. */
export function nameOf(target: Target): string {
  if (target.tag === 'tls') return target.endpoint;
  return target.tag === 'web' ? target.url : target.path;
}

export interface ClientRequestOptions {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With the query, from the first slash on. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly bodyBytesMax?: number;
  readonly signal?: AbortSignal;
  /** Of {@link keptConnection}; by default a connection of its own. */
  readonly connection?: Agent;
}

export interface ClientAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Bytes;
}

/**
 * For requests to one TLS server that follow each other at once: one handshake for all of them. Sessions are not kept,
 * so the next connection is judged as the first. The caller destroys it.
 */
export function keptConnection(): Agent {
  return new HttpsAgent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 });
}

/**
 * One request and its whole answer. Statuses are the caller's to judge.
 * @throws ERR_UNREACHABLE where no whole answer came: no connection, wrong certificate, time-out; ERR_REMOTE where it is
 *   longer than `bodyBytesMax`.
 */
export async function exchange(target: Target, options: ClientRequestOptions): Promise<ClientAnswer> {
  const call = await openExchange(target, options);
  try {
    return { status: call.statusCode ?? 0, headers: call.headers, body: await readAll(target, call, options) };
  } catch (error) {
    throw isMeshError(error) ? error : unreachable(target, error);
  }
}

/**
 * As {@link exchange}, but hands over the answer as it begins: for server-sent events, which end when they end.
 * The caller destroys the message when it has enough; `timeoutMs` counts only up to the headers.
 */
export async function openExchange(target: Target, options: ClientRequestOptions): Promise<IncomingMessage> {
  const isBytes = options.body instanceof Uint8Array;
  const payload = options.body === undefined || isBytes ? options.body : JSON.stringify(options.body);
  const headers: Record<string, string | number> = {
    ...(payload === undefined || isBytes ? {} : { 'content-type': 'application/json' }),
    ...(payload === undefined
      ? {}
      : { 'content-length': typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length }),
    ...options.headers,
  };
  try {
    if (target.tag === 'tls') return await begin(target, options, payload, () => dialTls(target, options, headers));
    if (target.tag === 'web') return await begin(target, options, payload, () => dialWeb(target, options, headers));
    return await withSocketPath(target.path, (socketPath) =>
      begin(target, options, payload, () =>
        requestHttp({ ...commonOf(options, headers), socketPath, host: 'localhost' }),
      ),
    );
  } catch (error) {
    throw isMeshError(error) ? error : unreachable(target, error);
  }
}

/** Sends the request and waits for the head of the answer. */
function begin(
  target: Target,
  { timeoutMs = EXCHANGE_MS_MAX }: ClientRequestOptions,
  payload: Bytes | string | undefined,
  dial: () => ClientRequest,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const call = dial();
    let answer: IncomingMessage | undefined;
    const timer = setTimeout(() => {
      const error = new Error(`no answer within ${timeoutMs / 1_000} s`);
      answer?.destroy(error); // else its reader is told of an end without a reason
      call.destroy(error);
    }, timeoutMs);
    call.on('error', (error) => {
      clearTimeout(timer);
      reject(unreachable(target, error));
    });
    call.on('response', (message) => {
      answer = message;
      // The time-out goes on counting while a body is read; a stream of events ends when it ends.
      if (message.headers['content-type']?.startsWith('text/event-stream') === true) clearTimeout(timer);
      else message.on('close', () => clearTimeout(timer));
      resolve(message);
    });
    call.end(payload);
  });
}

function commonOf(
  { method, path, signal, connection }: ClientRequestOptions,
  headers: Record<string, string | number>,
): RequestOptions {
  return { method, path, headers, agent: connection ?? false, ...(signal === undefined ? {} : { signal }) };
}

function dialWeb(
  { url }: WebTarget,
  options: ClientRequestOptions,
  headers: Record<string, string | number>,
): ClientRequest {
  const { protocol, hostname, port } = new URL(url);
  const isPlain = protocol === 'http:';
  const request = isPlain ? requestHttp : requestHttps;
  return request({ ...commonOf(options, headers), ...placeOf(hostname, port, isPlain ? 80 : 443) });
}

function dialTls(
  target: TlsTarget,
  options: ClientRequestOptions,
  headers: Record<string, string | number>,
): ClientRequest {
  const { hostname, port } = new URL(target.endpoint);
  return requestHttps({
    ...commonOf(options, headers),
    ...placeOf(hostname, port, 443),
    ca: [...target.trustAnchors],
    minVersion: 'TLSv1.3',
    ecdhCurve: TLS_GROUPS,
    ...(target.serverName === undefined ? {} : { servername: target.serverName }),
    ...(target.client === undefined ? {} : { cert: target.client.certificate, key: target.client.key }),
  });
}

function placeOf(hostname: string, port: string, usual: number): { readonly host: string; readonly port: number } {
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) };
}

async function readAll(target: Target, message: IncomingMessage, options: ClientRequestOptions): Promise<Bytes> {
  const bytesMax = options.bodyBytesMax ?? HTTP_ANSWER_BYTES_MAX;
  const parts: Bytes[] = [];
  let length = 0;
  for await (const part of message as AsyncIterable<Bytes>) {
    length += part.length;
    if (length > bytesMax)
      throw new MeshError('ERR_REMOTE', `the answer of ${nameOf(target)} is longer than ${bytesMax} bytes`);
    parts.push(part);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    body.set(part, offset);
    offset += part.length;
  }
  return body;
}

function unreachable(target: Target, error: unknown): MeshError {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const reason = messageOf(error) || code || 'unknown reason';
  return new MeshError('ERR_UNREACHABLE', `${nameOf(target)} gave no answer: ${reason}`, hintFor(target, code), {
    cause: error,
  });
}

function hintFor(target: Target, code: string | undefined): string {
  if (target.tag === 'socket')
    return code === 'EACCES'
      ? 'run the command as the user who owns the directory'
      : 'check that the process of this directory runs';
  if (code === undefined) return 'check the network, then try again';
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED')
    return 'check the clock of this machine, and of the server';
  if (/CERT|SIGNATURE|SELF_SIGNED|ISSUER|ALTNAME|SSL/.test(code))
    return 'the server is not the one that the trust anchor vouches for: check the address and the ticket';
  if (code === 'ECONNREFUSED') return 'nothing listens there: check the address, and that the authority runs';
  return 'check the address and the network, then try again';
}

/** True where an error says that nobody answers on a control socket: no process runs on that directory. */
export function isNobodyThere(error: unknown): boolean {
  const cause = (error as { cause?: NodeJS.ErrnoException } | null)?.cause;
  return cause?.code === 'ENOENT' || cause?.code === 'ECONNREFUSED';
}

/** True where somebody took the connection, or had it waiting, and let it go without an answer: a process that ends. */
export function isBrokenOff(error: unknown): boolean {
  const cause = (error as { cause?: NodeJS.ErrnoException } | null)?.cause;
  return cause?.code === 'ECONNRESET' || cause?.code === 'EPIPE';
}
