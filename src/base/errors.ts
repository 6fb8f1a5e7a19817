import { type ErrorCode, errorEntry } from './error-codes.ts';

/**
 * A refusal that ends a request, a command or a start-up. Expected outcomes of protocol steps are values
 * (verdicts), not errors.
 *
 * Message: lower case, subject first, expectation last, no secret, foreign text quoted and cut (see {@link quoted}).
 * Hint: what the reader can do about it.
 */
export class MeshError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MeshError';
    this.code = code;
    this.hint = hint ?? errorEntry(code).hint;
  }
}

export function isMeshError(error: unknown): error is MeshError {
  return error instanceof MeshError;
}

/** What the system says of a disk that takes no more: full, over a quota, read-only, or failing. */
const DISK_CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

/** And SQLite, in the low byte of its result code: failing, full. */
const DISK_RESULTS: ReadonlySet<number> = new Set([10, 13]);

/** True of what the system or SQLite throws where a disk does not take what is to be written. */
export function isDiskTrouble(error: unknown): boolean {
  const { errcode, code } = (error ?? {}) as { readonly errcode?: unknown; readonly code?: unknown };
  return DISK_CODES.has(code) || (typeof errcode === 'number' && DISK_RESULTS.has(errcode & 0xff));
}

/** What anything thrown means as an error with a code; `undefined` for what nobody expected. */
export function knownError(error: unknown): MeshError | undefined {
  if (isMeshError(error)) return error;
  if (!isDiskTrouble(error)) return undefined;
  return new MeshError('ERR_STORAGE', `the disk cannot be written: ${messageOf(error)}`, undefined, { cause: error });
}

/** Foreign text for a message: JSON-quoted, control characters escaped, cut after 64 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}

/** Characters of a path that a message shows: its end tells which file it is. */
export const PATH_CHARS_MAX = 160;

/** A path for a message: as {@link quoted}, but where it is long its end stays. */
export function quotedPath(path: string): string {
  return JSON.stringify(path.length > PATH_CHARS_MAX ? `…${path.slice(-PATH_CHARS_MAX)}` : path);
}

/** What an unknown thrown thing says, for logs and hints. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
