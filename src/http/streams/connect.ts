import type { FastifyReply, FastifyRequest } from 'fastify';
import { textOfUtf8 } from '../../base/bytes.ts';
import { errorEntry } from '../../base/error-codes.ts';
import { knownError, MeshError, messageOf } from '../../base/errors.ts';
import { parseJson } from '../../codec/json.ts';
import type { RpcMethod } from '../../streams/rpc-messages.ts';
import { riverErrorOf } from '../../message/river/river-error.ts';

/** The two encodings of a unary call (Connect protocol, «Unary-Request»). */
const PROTO = 'application/proto';
const JSON_TYPE = 'application/json';

/** Connect's codes, in the order of their numbers from 1; River's first sixteen are the same. */
const CONNECT_CODES = [
  'canceled',
  'unknown',
  'invalid_argument',
  'deadline_exceeded',
  'not_found',
  'already_exists',
  'permission_denied',
  'resource_exhausted',
  'failed_precondition',
  'aborted',
  'out_of_range',
  'unimplemented',
  'internal',
  'unavailable',
  'data_loss',
  'unauthenticated',
] as const;

type ConnectCode = (typeof CONNECT_CODES)[number];

/** Connect protocol, «Error Codes»: the HTTP status of each. */
const STATUSES: Readonly<Record<ConnectCode, number>> = {
  canceled: 499,
  unknown: 500,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 400,
  aborted: 409,
  out_of_range: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
};

/** A unary call: what it takes, what it gives, and what it does. */
export interface Procedure<Request, Response> extends RpcMethod<Request, Response> {
  readonly call: (request: Request, http: FastifyRequest) => Promise<Partial<Response>> | Partial<Response>;
}

/** Octets of answers that have not been read yet. Whole streams are long, and a reader may be slow on purpose. */
export const ANSWERS_BYTES_MAX = 128 * 1024 * 1024;

/** An answer must have been read by then. */
export const RPC_ANSWER_MS_MAX = 60_000;

/** Keeps count of what waits to be read, and does not wait for ever. */
export class AnswersUnderWay {
  #bytes = 0;

  /** @throws ERR_OVERLOADED where too much waits already. */
  begin(bytes: number, reply: FastifyReply): void {
    if (this.#bytes + bytes > ANSWERS_BYTES_MAX)
      throw new MeshError('ERR_OVERLOADED', `${ANSWERS_BYTES_MAX} bytes of answers wait to be read`);
    this.#bytes += bytes;
    const { raw } = reply;
    const late = setTimeout(() => raw.destroy(), RPC_ANSWER_MS_MAX);
    raw.once('close', () => {
      clearTimeout(late);
      this.#bytes -= bytes;
    });
  }
}

/** Parse → act → render, in the encoding of the request. @throws ERR_PROTOBUF, ERR_INPUT, ERR_MEDIA_TYPE, and the call's. */
export async function answerCall<Request, Response>(
  { request, response, call }: Procedure<Request, Response>,
  answers: AnswersUnderWay,
  http: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  checkProtocol(http);
  const body = new Uint8Array((http.body as Uint8Array | undefined) ?? []);
  if (isJson(http)) {
    const answer = response.toJson(await call(request.fromJson(jsonOf(body)), http));
    return send(answers, reply.type(JSON_TYPE), Buffer.from(JSON.stringify(answer)));
  }
  const answer = response.encode(await call(request.decode(body), http));
  return send(answers, reply.type(PROTO), Buffer.from(answer));
}

function send(answers: AnswersUnderWay, reply: FastifyReply, body: Buffer): FastifyReply {
  answers.begin(body.length, reply);
  return reply.send(body);
}

/** Refuses in Connect's words, with River's code in the message and in `X-River-Error`, where its clients look for it. */
export function refuseCall(error: MeshError, { headers }: FastifyRequest, reply: FastifyReply): void {
  const { number, name } = riverErrorOf(error.code);
  const code = CONNECT_CODES[number - 1] ?? 'failed_precondition';
  // Too large is told by its own status, for those who speak HTTP and no more; so is all to who calls for a stream, whose
  // client looks at the status alone and takes 404 for «unimplemented» (Connect protocol, «HTTP to Error Code»).
  const isPlain = error.code === 'ERR_BODY_TOO_LARGE' || error.code === 'ERR_MEDIA_TYPE' || isStream(headers);
  const status = isPlain ? errorEntry(error.code).status : STATUSES[code];
  const body = {
    code,
    message: `(${number}:${name}) ${error.message}`,
    error: { code: error.code, river_code: number, ...(error.hint === undefined ? {} : { hint: error.hint }) },
  };
  reply.header('x-river-error', name).header('chainmail-error', error.code);
  reply
    .code(status)
    .type(JSON_TYPE)
    .send(Buffer.from(JSON.stringify(body)));
}

/** Of an unexpected error the caller learns only that there was one. */
export function callError(error: unknown): MeshError {
  const known = knownError(error) ?? new MeshError('ERR_INTERNAL', 'the call could not be finished');
  return known.code === 'ERR_STORAGE' ? new MeshError('ERR_STORAGE', 'the store could not write') : known;
}

function checkProtocol({ headers }: FastifyRequest): void {
  const version = headers['connect-protocol-version'];
  if (version !== undefined && version !== '1')
    throw new MeshError('ERR_INPUT', 'the version of the Connect protocol is not 1');
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw new MeshError('ERR_MEDIA_TYPE', 'the body is compressed', 'send it as it is');
}

/** Whether a call is one of those whose answer would be a stream of messages. */
function isStream(headers: FastifyRequest['headers']): boolean {
  return headers['content-type']?.toLowerCase().startsWith('application/connect+') === true;
}

function isJson({ headers }: FastifyRequest): boolean {
  return headers['content-type']?.toLowerCase().startsWith(JSON_TYPE) === true;
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return parseJson(textOfUtf8(body));
  } catch (error) {
    throw new MeshError('ERR_PROTOBUF', `body: ${messageOf(error)}`);
  }
}
