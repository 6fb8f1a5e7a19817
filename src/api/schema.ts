import type { z } from 'zod';
import { MeshError, quoted } from '../base/errors.ts';

/**
 * The only way from foreign JSON to a typed value.
 * @throws ERR_INPUT naming the first member that is wrong, and what was expected of it.
 */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new MeshError('ERR_INPUT', describeIssue(parsed.error));
}

/** The first thing wrong, as `$.member.0: what`. */
export function describeIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'the value is wrong';
  const path = issue.path.map((step) => `.${String(step)}`).join('');
  const name = path.length > 80 ? quoted(path) : `$${path}`;
  const text = issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
  return `${name}: ${text.length > 200 ? `${text.slice(0, 200)}…` : text}`;
}
