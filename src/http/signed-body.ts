import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Bytes, EMPTY } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import type { RequestHead } from '../message/request/http-request.ts';
import { BODY_BYTES_MAX } from './server.ts';
import { letBodyCome } from './unread-body.ts';

/**
 * The head of a request as a signature sees it: every header line as it came, those that came twice too. HTTP/2 says the
 * host in a field of its own.
 */
export function headOf({ raw }: FastifyRequest): RequestHead {
  const { rawHeaders, method = '', url: target = '' } = raw;
  const headers = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    headers.push({ name: rawHeaders[i] as string, value: rawHeaders[i + 1] as string });
  const named = headers.map((header) => (header.name === ':authority' ? { ...header, name: 'host' } : header));
  return { method, target, headers: named.filter(({ name }) => !name.startsWith(':')) };
}

/**
 * The whole body, within the limit of every body.
 * @throws ERR_BODY_TOO_LARGE
 */
export async function readBody(request: FastifyRequest, reply: FastifyReply, payload: Readable): Promise<Bytes> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) throw tooLarge();
  letBodyCome(request, reply, BODY_BYTES_MAX);
  const pieces: Buffer[] = [];
  let length = 0;
  // What is refused here is still read to its end, by who sends the answer.
  for await (const piece of payload.iterator({ destroyOnReturn: false })) {
    const bytes = piece as Buffer;
    length += bytes.length;
    if (length > BODY_BYTES_MAX) throw tooLarge();
    pieces.push(bytes);
  }
  return length === 0 ? EMPTY : new Uint8Array(Buffer.concat(pieces));
}

/** A body that was read, for who parses it. */
export function bodyStream(body: Bytes): Readable {
  return Readable.from(body.length === 0 ? [] : [Buffer.from(body)], { objectMode: false });
}

function tooLarge(): MeshError {
  return new MeshError('ERR_BODY_TOO_LARGE', `body is larger than ${BODY_BYTES_MAX} bytes`);
}
