import type { ErrorCode } from '../../base/error-codes.ts';
import { MeshError } from '../../base/errors.ts';

/** Nobody's fault: honest peers pass such things on after a partition, under skewed clocks or under load. */
export type IgnoreReason =
  | 'duplicate'
  | 'superseded'
  | 'expired'
  | 'future'
  | 'unknown-origin'
  | 'revoked-origin'
  /** Our list of branches and wallets may be older than that of whoever passed it on. */
  | 'unpublished-origin'
  | 'conflict'
  | 'over-budget'
  | 'no-room'
  | 'unknown-family';

/** What no honest peer passes on: it counts against the neighbour that did. */
export type RejectReason = 'malformed' | 'lifetime' | 'payload' | 'wrong-origin' | 'not-permitted' | 'bad-signature';

/** What the gate says of a message. */
export type Verdict =
  | { readonly tag: 'accept' }
  | ({ readonly tag: 'ignore'; readonly reason: IgnoreReason } & Why)
  | ({ readonly tag: 'reject'; readonly reason: RejectReason } & Why);

interface Why {
  readonly detail?: string;
  /** Where the reason alone would tell a caller too little: what is wrong with the statement of a delegate. */
  readonly error?: MeshError;
}

export const ACCEPT: Verdict = Object.freeze({ tag: 'accept' });

/** Drops a message without blame. @param why goes to callers and logs in place of the reason's own words. */
export function ignore(reason: IgnoreReason, why?: string | MeshError): Verdict {
  return { tag: 'ignore', reason, ...whyOf(why) };
}

/** Drops a message and counts it against the neighbour that sent it. @param why as in {@link ignore}. */
export function reject(reason: RejectReason, why?: string | MeshError): Verdict {
  return { tag: 'reject', reason, ...whyOf(why) };
}

function whyOf(why: string | MeshError | undefined): Why {
  if (why === undefined) return {};
  return why instanceof MeshError ? { detail: why.message, error: why } : { detail: why };
}

interface Refusal {
  readonly code: ErrorCode;
  /** What is wrong, where the verdict has no detail of its own. */
  readonly detail: string;
  /** What to do, where the code's own hint does not say. */
  readonly hint?: string;
}

/** What a caller is told who handed a message in himself. A duplicate is no error over HTTP: it is held. */
export const REFUSAL_OF_REASON: Readonly<Record<IgnoreReason | RejectReason, Refusal>> = {
  duplicate: { code: 'ERR_MESSAGE_CONFLICT', detail: 'this message is held already' },
  superseded: { code: 'ERR_MESSAGE_CONFLICT', detail: 'a newer record of this node is held' },
  expired: {
    code: 'ERR_MESSAGE_EXPIRED',
    detail: 'the life of the message is over',
    hint: 'sign it anew, with a longer life; or check the clock of the signer',
  },
  future: {
    code: 'ERR_MESSAGE_FUTURE',
    detail: 'the message is dated more than 10 minutes ahead of this node’s clock',
  },
  'unknown-origin': {
    code: 'ERR_MESSAGE_UNKNOWN_ORIGIN',
    detail: 'the certificate that the message names is not known to this node',
    hint: 'hand it in with the certificate of its signer, or at a node that has heard of the signer',
  },
  'revoked-origin': {
    code: 'ERR_MESSAGE_REVOKED_ORIGIN',
    detail: 'the certificate that the message names is revoked: nothing that it signed is taken any more',
    hint: 'enrol the signer again, with a new key and a new ticket',
  },
  'unpublished-origin': {
    code: 'ERR_MESSAGE_UNKNOWN_ORIGIN',
    detail: 'nothing that this node has heard of the authority lets this delegate speak',
    hint: 'wait until the newest revocation list has come, or ask for a new delegate',
  },
  conflict: {
    code: 'ERR_MESSAGE_CONFLICT',
    detail: 'another message with this id is held: its signer has used one incarnation and counter twice',
    hint: 'let prepare choose them; or count on, and start a new incarnation at each start',
  },
  'over-budget': {
    code: 'ERR_MESSAGE_OVER_BUDGET',
    detail:
      'the author, or who handed the message in, sends more than a node may, or this node’s disk does not keep up',
    hint: 'wait as long as Retry-After says, then send it again',
  },
  'no-room': {
    code: 'ERR_MESSAGE_NO_ROOM',
    detail: 'this node holds as many live messages of the author as it has room for',
    hint: 'wait until some of them have expired; a shorter ttl_sec makes room sooner',
  },
  'unknown-family': { code: 'ERR_MESSAGE_NOT_PERMITTED', detail: 'the certificate does not grant this type' },
  malformed: { code: 'ERR_MESSAGE_MALFORMED', detail: 'these bytes are no message of this mesh' },
  lifetime: {
    code: 'ERR_MESSAGE_LIFETIME',
    detail: 'the message ends before it begins, or lives longer than 7 days',
  },
  payload: { code: 'ERR_MESSAGE_PAYLOAD', detail: 'the payload is not what its type asks for' },
  'wrong-origin': {
    code: 'ERR_MESSAGE_UNKNOWN_ORIGIN',
    detail: 'the certificate that the message names does not speak for its origin',
    hint: 'sign with the key of the certificate, while that is valid, and name its node as origin',
  },
  'not-permitted': { code: 'ERR_MESSAGE_NOT_PERMITTED', detail: 'the certificate does not grant this type' },
  'bad-signature': {
    code: 'ERR_MESSAGE_SIGNATURE',
    detail: 'the signature does not fit the message and the key of the certificate or delegate that it names',
    hint: 'sign exactly the bytes of to_be_signed, ECDSA with SHA-256, with the key of the certificate',
  },
};

/** A refusal as those are told who wait for an answer. */
export function refusalOf(verdict: Exclude<Verdict, { readonly tag: 'accept' }>): MeshError {
  if (verdict.error !== undefined) return verdict.error;
  const { code, detail, hint } = REFUSAL_OF_REASON[verdict.reason];
  return new MeshError(code, verdict.detail ?? detail, hint);
}
