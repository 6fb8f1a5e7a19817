import assert from 'node:assert/strict';
import { problemSchema } from '../../../../src/api/problem.ts';
import { type Bytes, fromBase64, textOfUtf8, toBase64, utf8 } from '../../../../src/base/bytes.ts';
import { ERRORS } from '../../../../src/base/error-codes.ts';
import { MeshError } from '../../../../src/base/errors.ts';
import type { HttpApp } from '../../../../src/http/server.ts';
import type { SeededRandom } from '../../../../src/sim/seeded-random.ts';
import { mutateBytes, mutateText, pick } from '../mutate/mutate-bytes.ts';
import { mutateCbor } from '../mutate/mutate-cbor.ts';
import { mutateJson } from '../mutate/mutate-json.ts';
import type { Mutator } from '../target.ts';

/** A request as an input is: JSON, the body in base64. */
interface Request {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly type: string;
  readonly body: string;
}

export function requestOf(method: Request['method'], url: string, body?: object | Bytes, type?: string): Bytes {
  const bytes = body instanceof Uint8Array ? body : body === undefined ? new Uint8Array(0) : utf8(JSON.stringify(body));
  const defaultType = body instanceof Uint8Array ? 'application/cose' : 'application/json';
  return utf8(JSON.stringify({ method, url, type: type ?? defaultType, body: toBase64(bytes) } satisfies Request));
}

/** Mostly changes the body, as JSON, text, CBOR or bytes; now and then the path, the method or the type. */
export const mutateRequest: Mutator = (random, corpus) => {
  const request = JSON.parse(textOfUtf8(pick(random, corpus))) as Request;
  if (request.body === '' || random.chance(0.2)) return utf8(JSON.stringify(changeHead(random, request)));
  const mutate = pick(random, [mutateJson, mutateJson, mutateJson, mutateText, mutateBytes, mutateCbor]);
  const isJson = request.type === 'application/json';
  const body = fromBase64(request.body);
  const changed = (mutate === mutateJson && !isJson ? mutateCbor : mutate)(random, [body]);
  return utf8(JSON.stringify({ ...request, body: toBase64(changed) }));
};

function changeHead(random: SeededRandom, request: Request): Request {
  switch (random.below(4)) {
    case 0:
      return { ...request, method: pick(random, ['GET', 'POST', 'DELETE']) };
    case 1:
      return {
        ...request,
        type: pick(random, ['', 'text/plain', 'application/cose', 'application/json; charset=x', 'a/b/c']),
      };
    default:
      return { ...request, url: textOfUtf8(mutateText(random, [utf8(request.url)])) };
  }
}

/** Streams go on for ever; they have tests of their own. */
const STREAMS = /follow|%66|events/i;

/**
 * Asks the app. Refused, for the counts, where the answer is a problem.
 * @throws unless the answer is a success, or a problem with a code of the table and that code's status.
 */
export async function feedRequest(
  app: HttpApp,
  input: Bytes,
  address: string,
  unexpected: readonly unknown[],
): Promise<void> {
  const { method, url, type, body } = JSON.parse(textOfUtf8(input)) as Request;
  // The way in without a socket takes no other path; a real one hands `//` and odd octets to the parser of HTTP first.
  if (!/^\/(?![/\\])[\x21-\x7e]*$/.test(url) || STREAMS.test(url)) return;
  const answer = await app.inject({
    method,
    url,
    ...(body === '' ? {} : { payload: Buffer.from(fromBase64(body)), headers: { 'content-type': type } }),
    remoteAddress: address,
  });
  if (unexpected.length > 0) throw new Error(`unexpected: ${String(unexpected[0])}`, { cause: unexpected[0] });
  if (answer.statusCode < 400) return;
  const problem = problemSchema.parse(answer.json());
  const row = (ERRORS as Readonly<Record<string, { readonly status: number }>>)[problem.code];
  assert.equal(answer.statusCode, row?.status, `${problem.code} as ${answer.statusCode}`);
  throw new MeshError(problem.code as keyof typeof ERRORS, problem.detail);
}
