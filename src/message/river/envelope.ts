import type { Bytes } from '../../base/bytes.ts';
import {
  bool,
  bytesOf,
  int64,
  MessageSchema,
  oneOf,
  type OneOf,
  optionalBytes,
  optionalInt64,
} from '../../codec/protobuf-message.ts';

/** What travels: an event in its bytes, their hash, and a signature over the hash. */
export interface Envelope {
  readonly hash: Bytes;
  /** `r ‖ s ‖ v`, 65 bytes. Others can make a second one of the same event: nothing is keyed on it. */
  readonly signature: Bytes;
  /** A serialised {@link StreamEvent}: kept as received, never written anew. */
  readonly event: Bytes;
}

export const ENVELOPE = new MessageSchema<Envelope>({ hash: bytesOf(1), signature: bytesOf(2), event: bytesOf(3) });

/** The payloads of an event, by their numbers in the oneof. */
export const PAYLOAD = {
  miniblockHeader: 100,
  member: 101,
  space: 102,
  channel: 103,
  user: 104,
  userSettings: 105,
  userMetadata: 106,
  userInbox: 107,
  media: 108,
  dmChannel: 109,
  gdmChannel: 110,
  metadata: 111,
} as const;

/** What was signed. Its tags are not needed here; their form is checked with the rest. */
export interface StreamEvent {
  /** Address of the wallet that speaks. */
  readonly creatorAddress: Bytes;
  /** Empty where the creator signed the envelope itself. */
  readonly delegateSig: Bytes;
  readonly salt: Bytes;
  /** Absent in the first event of a stream. */
  readonly prevMiniblockHash: Bytes | undefined;
  /** The creator's word, for show only. */
  readonly createdAtEpochMs: bigint;
  /** 0: for ever. */
  readonly delegateExpiryEpochMs: bigint;
  readonly prevMiniblockNum: bigint | undefined;
  readonly ephemeral: boolean;
  readonly payload: OneOf | undefined;
}

export const STREAM_EVENT = new MessageSchema<StreamEvent>({
  creatorAddress: bytesOf(1),
  delegateSig: bytesOf(2),
  salt: bytesOf(3),
  prevMiniblockHash: optionalBytes(4),
  createdAtEpochMs: int64(5),
  delegateExpiryEpochMs: int64(6),
  prevMiniblockNum: optionalInt64(8),
  ephemeral: bool(9),
  payload: oneOf(Object.values(PAYLOAD)),
});
