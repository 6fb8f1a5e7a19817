import { type ErrorCode, errorEntry } from '../../base/error-codes.ts';

/** The names of River's `Err` that this program tells, by their numbers. */
const RIVER_NAMES = {
  3: 'INVALID_ARGUMENT',
  5: 'NOT_FOUND',
  6: 'ALREADY_EXISTS',
  7: 'PERMISSION_DENIED',
  8: 'RESOURCE_EXHAUSTED',
  12: 'UNIMPLEMENTED',
  13: 'INTERNAL',
  14: 'UNAVAILABLE',
  15: 'DATA_LOSS',
  16: 'UNAUTHENTICATED',
  18: 'BAD_STREAM_ID',
  19: 'BAD_STREAM_CREATION_PARAMS',
  22: 'BAD_EVENT_SIGNATURE',
  23: 'BAD_HASH_FORMAT',
  24: 'BAD_PREV_MINIBLOCK_HASH',
  26: 'BAD_EVENT',
  35: 'BAD_EVENT_HASH',
  63: 'MINIBLOCK_TOO_NEW',
} as const satisfies Readonly<Record<number, string>>;

/** Errors that any of our servers may give, in River's words. */
const GENERAL: Partial<Readonly<Record<ErrorCode, number>>> = {
  ERR_INPUT: 3,
  ERR_MEDIA_TYPE: 3,
  ERR_NOT_FOUND: 12,
  ERR_METHOD: 12,
  ERR_BODY_TOO_LARGE: 8,
  ERR_RATE_LIMITED: 8,
  ERR_OVERLOADED: 14,
  ERR_NOT_READY: 14,
};

const INTERNAL = 13;

/** An error in River's words: `(22:BAD_EVENT_SIGNATURE)`. */
export interface RiverError {
  readonly number: number;
  readonly name: string;
}

export function riverErrorOf(code: ErrorCode): RiverError {
  const number = errorEntry(code).river ?? GENERAL[code] ?? INTERNAL;
  return { number, name: RIVER_NAMES[number as keyof typeof RIVER_NAMES] };
}
