import type { z } from 'zod';
import { errorOfProblem } from '../../api/problem.ts';
import { describeIssue } from '../../api/schema.ts';
import { textOfUtf8 } from '../../base/bytes.ts';
import { MeshError, messageOf } from '../../base/errors.ts';
import { parseJson } from '../../codec/json.ts';
import { type ClientAnswer, type ClientRequestOptions, exchange, nameOf, type Target } from './client.ts';

/** What of an answer says what it is, however it came. */
export type Answer = Pick<ClientAnswer, 'status' | 'body'>;

/**
 * One request, and the checked body of its answer: the way from JSON over HTTP to a value that can be relied on.
 * @throws what the other side refused with; ERR_UNREACHABLE; ERR_REMOTE where the answer is too long, not JSON read
 *   strictly, or not what the interface promises.
 */
export async function callJson<S extends z.ZodType>(
  target: Target,
  schema: S,
  options: ClientRequestOptions,
): Promise<z.output<S>> {
  return bodyOf(await exchange(target, options), schema, nameOf(target));
}

/**
 * The checked body of an answer; one without a byte is `undefined`.
 * @param from who answered, for people.
 * @throws as {@link callJson}
 */
export function bodyOf<S extends z.ZodType>(answer: Answer, schema: S, from: string): z.output<S> {
  if (answer.status < 200 || answer.status >= 300) throw refusalOf(answer, from);
  let text: string;
  try {
    text = textOfUtf8(answer.body);
  } catch (error) {
    throw unreadable(from, messageOf(error));
  }
  return valueOf(text, schema, from);
}

/** As {@link bodyOf}, of text that came another way: a line of a stream of events. @throws ERR_REMOTE */
export function valueOf<S extends z.ZodType>(text: string, schema: S, from: string): z.output<S> {
  let json: unknown;
  try {
    json = text === '' ? undefined : parseJson(text);
  } catch (error) {
    throw unreadable(from, messageOf(error));
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw unreadable(from, describeIssue(parsed.error));
  return parsed.data;
}

/** What a refusal says: its problem document, or the bare status where another than our programs answered. */
export function refusalOf({ status, body }: Answer, from: string): MeshError {
  let said: MeshError | undefined;
  try {
    said = errorOfProblem(parseJson(textOfUtf8(body)));
  } catch {
    // a proxy's own words
  }
  return said ?? new MeshError('ERR_REMOTE', `${from} answered ${status}`);
}

function unreadable(from: string, why: string): MeshError {
  return new MeshError('ERR_REMOTE', `the answer of ${from}: ${why}`);
}
