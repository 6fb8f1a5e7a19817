import { z } from 'zod';
import type { Bytes } from '../../base/bytes.ts';
import { type ErrorCode, errorEntry } from '../../base/error-codes.ts';
import { isMeshError, MeshError, messageOf, quoted } from '../../base/errors.ts';
import { MINUTE_MS } from '../../base/time.ts';
import { parseJson } from '../../codec/json.ts';
import type { RpcMethod } from '../../streams/rpc-messages.ts';
import type { Answer } from './call.ts';
import { isLoopback } from '../machine/interfaces.ts';

/** Largest answer that is read: as much as our own server has in flight for all. */
export const CALL_ANSWER_BYTES_MAX = 128 * 1024 * 1024;

/** A call and its whole answer; servers of River give up after as long. */
export const RPC_CALL_MS_MAX = MINUTE_MS;

/** How Connect and we tell of a refusal; other servers leave `error` out. */
const refusalSchema = z.object({
  code: z.string(),
  message: z.string().default(''),
  error: z.object({ code: z.string(), hint: z.string().optional() }).optional(),
});

/** Calls of one server over the Connect protocol, as protobuf. By `fetch`, which keeps connections between calls. */
export class ConnectCaller {
  readonly #base: string;
  readonly #answerBytesMax: number;
  /** Sent with every call from now on. */
  token: string | undefined;

  /**
   * @param base `https://HOST[:PORT]`, or `http://` on this machine: what goes over plain HTTP whoever listens can read.
   * @throws ERR_INPUT
   */
  constructor(base: string, answerBytesMax = CALL_ANSWER_BYTES_MAX) {
    const url = URL.parse(base);
    const isPlain = url?.protocol === 'http:';
    const isHere = url !== null && isLoopback(url.hostname.replace(/^\[(.*)\]$/, '$1'));
    if (url === null || (url.protocol !== 'https:' && !(isPlain && isHere)))
      throw new MeshError(
        'ERR_INPUT',
        `server ${quoted(base)}: expected https://HOST, or http:// at a loopback address`,
        'put a proxy with TLS in front of a server elsewhere',
      );
    this.#base = url.href.replace(/\/$/, '');
    this.#answerBytesMax = answerBytesMax;
  }

  /** @throws what the server answered; ERR_UNREACHABLE; ERR_REMOTE, ERR_PROTOBUF for what is no answer. */
  async call<Request, Response>(
    { path, request, response }: RpcMethod<Request, Response>,
    body: Partial<Request>,
  ): Promise<Response> {
    const headers = {
      'content-type': 'application/proto',
      'connect-protocol-version': '1',
      ...(this.token === undefined ? {} : { authorization: this.token }),
    };
    const answer = await this.#exchange(`${this.#base}/river.${path}`, headers, new Uint8Array(request.encode(body)));
    if (answer.isOk) return response.decode(answer.body);
    throw connectRefusalOf(answer);
  }

  async #exchange(url: string, headers: Record<string, string>, body: Uint8Array<ArrayBuffer>) {
    try {
      const signal = AbortSignal.timeout(RPC_CALL_MS_MAX);
      const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'error', signal });
      return { isOk: answer.ok, status: answer.status, body: await this.#read(answer) };
    } catch (error) {
      if (isMeshError(error)) throw error;
      const { cause } = error as { readonly cause?: unknown };
      const why = messageOf(cause ?? error) || 'no connection';
      throw new MeshError('ERR_UNREACHABLE', `${this.#base} gave no answer: ${why}`, 'check the address', {
        cause: error,
      });
    }
  }

  async #read(answer: globalThis.Response): Promise<Bytes> {
    const parts: Bytes[] = [];
    let length = 0;
    for await (const part of (answer.body ?? []) as AsyncIterable<Bytes>) {
      length += part.length;
      if (length > this.#answerBytesMax)
        throw new MeshError('ERR_REMOTE', `the answer is longer than ${this.#answerBytesMax} bytes`);
      parts.push(part);
    }
    return new Uint8Array(Buffer.concat(parts));
  }
}

/** What a server of the Connect protocol refuses with. */
export function connectRefusalOf({ status, body }: Answer): MeshError {
  const parsed = refusalSchema.safeParse(jsonOf(body));
  if (!parsed.success) return new MeshError('ERR_REMOTE', `the server answered ${status}`);
  const { code, message, error } = parsed.data;
  const said = message === '' ? code : message.slice(0, 500);
  if (error !== undefined && isErrorCode(error.code)) return new MeshError(error.code, said, error.hint);
  return new MeshError('ERR_REMOTE', `the server refused: ${quoted(said)}`);
}

function jsonOf(body: Bytes): unknown {
  try {
    return parseJson(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

function isErrorCode(code: string): code is ErrorCode {
  return /^ERR_[A-Z_]{1,60}$/.test(code) && errorEntry(code as ErrorCode) !== undefined;
}
