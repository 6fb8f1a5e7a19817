import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { type Bytes, EMPTY } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import type { RequestHead } from '../../message/request/http-request.ts';
import { BODY_BYTES_MAX } from '../server.ts';

/** The head of a request as a signature sees it: every header line as it came, those that came twice too. */
export function headOf({ raw }: FastifyRequest): RequestHead {
  const { rawHeaders, method = '', url: target = '' } = raw;
  const headers = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    headers.push({ name: rawHeaders[i] as string, value: rawHeaders[i + 1] as string });
  return { method, target, headers };
}

/**
 * The whole body, within the limit of every body.
 * @throws ERR_BODY_TOO_LARGE
 */
export async function readBody(payload: Readable): Promise<Bytes> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of payload) {
    const bytes = Buffer.from(piece as Buffer | string);
    length += bytes.length;
    if (length > BODY_BYTES_MAX)
      throw new MeshError('ERR_BODY_TOO_LARGE', `body is larger than ${BODY_BYTES_MAX} bytes`);
    pieces.push(bytes);
  }
  return length === 0 ? EMPTY : new Uint8Array(Buffer.concat(pieces));
}

/** A body that was read, for who parses it. */
export function bodyStream(body: Bytes): Readable {
  return Readable.from(body.length === 0 ? [] : [Buffer.from(body)], { objectMode: false });
}
