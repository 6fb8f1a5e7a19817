import { z } from 'zod';
import { type ErrorCode, errorEntry } from '../base/error-codes.ts';
import { knownError, MeshError } from '../base/errors.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** The body of every refusal over HTTP (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string().describe('urn:chainmail:error:CODE'),
    title: z.string().describe('the same for every occurrence of the code'),
    status: z.int(),
    detail: z.string().describe('what was wrong this time'),
    code: z.string().describe('stable, from one table: ERR_...'),
    hint: z.string().optional().describe('what to do about it'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });

export type Problem = z.infer<typeof problemSchema>;

/**
 * What a caller is told of an error. Of an unexpected one it learns only that there was one, and of a disk that cannot
 * be written not where it is: the log has the rest.
 */
export function problemOf(error: unknown): Problem {
  const known = knownError(error) ?? new MeshError('ERR_INTERNAL', 'the request could not be finished');
  const { status, title } = errorEntry(known.code);
  return {
    type: `urn:chainmail:error:${known.code}`,
    title,
    status,
    detail: known.code === 'ERR_STORAGE' ? 'the store could not write' : known.message,
    code: known.code,
    ...(known.hint === undefined ? {} : { hint: known.hint }),
  };
}

/** The error that another program of ours told us in a problem body; `undefined` where the body is none. */
export function errorOfProblem(body: unknown): MeshError | undefined {
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success || !isErrorCode(parsed.data.code)) return undefined;
  return new MeshError(parsed.data.code, parsed.data.detail, parsed.data.hint);
}

function isErrorCode(code: string): code is ErrorCode {
  return /^ERR_[A-Z_]{1,60}$/.test(code) && errorEntry(code as ErrorCode) !== undefined;
}
