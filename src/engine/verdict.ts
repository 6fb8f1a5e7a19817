import type { ErrorCode } from '../base/error-codes.ts';

/** Nobody's fault: honest peers pass such things on after a partition, under skewed clocks or under load. */
export type IgnoreReason =
  | 'duplicate'
  | 'superseded'
  | 'expired'
  | 'future'
  | 'unknown-origin'
  | 'revoked-origin'
  | 'conflict'
  | 'over-budget'
  | 'no-room'
  | 'unknown-family';

/** What no honest peer passes on: it counts against the neighbour that did. */
export type RejectReason = 'malformed' | 'lifetime' | 'payload' | 'wrong-origin' | 'not-permitted' | 'bad-signature';

/** What the gate says of a message. */
export type Verdict =
  | { readonly tag: 'accept' }
  | { readonly tag: 'ignore'; readonly reason: IgnoreReason; readonly detail?: string }
  | { readonly tag: 'reject'; readonly reason: RejectReason; readonly detail?: string };

export const ACCEPT: Verdict = Object.freeze({ tag: 'accept' });

export function ignore(reason: IgnoreReason, detail?: string): Verdict {
  return detail === undefined ? { tag: 'ignore', reason } : { tag: 'ignore', reason, detail };
}

export function reject(reason: RejectReason, detail?: string): Verdict {
  return detail === undefined ? { tag: 'reject', reason } : { tag: 'reject', reason, detail };
}

/** What a caller who handed a message in himself is told. A duplicate is no error: it is held. */
export const ERROR_OF_REASON: Readonly<
  Record<Exclude<IgnoreReason, 'duplicate' | 'superseded'> | RejectReason, ErrorCode>
> = {
  expired: 'ERR_MESSAGE_EXPIRED',
  future: 'ERR_MESSAGE_FUTURE',
  'unknown-origin': 'ERR_MESSAGE_UNKNOWN_ORIGIN',
  'revoked-origin': 'ERR_MESSAGE_REVOKED_ORIGIN',
  conflict: 'ERR_MESSAGE_CONFLICT',
  'over-budget': 'ERR_MESSAGE_OVER_BUDGET',
  'no-room': 'ERR_MESSAGE_NO_ROOM',
  'unknown-family': 'ERR_MESSAGE_NOT_PERMITTED',
  malformed: 'ERR_MESSAGE_MALFORMED',
  lifetime: 'ERR_MESSAGE_LIFETIME',
  payload: 'ERR_MESSAGE_PAYLOAD',
  'wrong-origin': 'ERR_MESSAGE_UNKNOWN_ORIGIN',
  'not-permitted': 'ERR_MESSAGE_NOT_PERMITTED',
  'bad-signature': 'ERR_MESSAGE_SIGNATURE',
};
