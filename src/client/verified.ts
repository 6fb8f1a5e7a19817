import { type Bytes, toHex } from '../base/bytes.ts';
import type { MeshError } from '../base/errors.ts';
import type { Message } from '../message/message.ts';

/** A message that was checked. Everything here was signed by its author, but `cursor`. */
export interface VerifiedMessage {
  /** `ORIGIN.INCARNATION.COUNTER` */
  readonly id: string;
  /** The node in whose name it was said, or the address of a wallet. */
  readonly origin: string;
  readonly type: string;
  /** A node id or `role:NAME`; `undefined`: everybody. */
  readonly audience: string | undefined;
  readonly contentType: string;
  readonly payload: Uint8Array;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** What vouches for the key that signed, and the SHA-256 of that in hex. */
  readonly signedBy: { readonly kind: 'certificate' | 'delegate'; readonly sha256: string };
  /** SHA-256 of what was signed, hex: two messages that are the same have it the same, whatever their signatures. */
  readonly contentHash: string;
  /** The COSE_Sign1, to be kept or passed on. */
  readonly bytes: Uint8Array;
  /** Where the node has it among what it holds: the `after` of a later call. The node’s word. */
  readonly cursor: string | undefined;
}

/** An indicator of compromise out of a message that was checked. */
export interface VerifiedIndicator {
  readonly kind: 'hash' | 'rule' | 'pattern';
  readonly value: string;
  /** 0 to 100 */
  readonly risk: number;
  readonly labels: readonly string[];
  readonly validUntil: Date;
  readonly message: VerifiedMessage;
}

/** A message that was handed over and does not hold. */
export interface Refusal {
  readonly error: MeshError;
  /** Whether no honest node hands over such a thing. */
  readonly isFault: boolean;
  /** The id that the node gave; nothing says that it is right. */
  readonly claimedId: string | undefined;
}

/** @internal */
export function verifiedOf(message: Message, cursor: string | undefined): VerifiedMessage {
  const { id, origin, type, audience, contentType, payload, issuedAt, expiresAt, delegate, voucherHash } = message;
  return {
    id,
    origin,
    type: type.text,
    audience: audience?.text,
    contentType,
    payload,
    issuedAt: new Date(issuedAt),
    expiresAt: new Date(expiresAt),
    signedBy: { kind: delegate === undefined ? 'certificate' : 'delegate', sha256: toHex(voucherHash) },
    contentHash: message.contentKey,
    bytes: message.bytes satisfies Bytes,
    cursor,
  };
}
