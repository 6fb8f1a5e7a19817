import { type Bytes, concatBytes } from '../../base/bytes.ts';
import { bytesOf, int64, MessageSchema, messageOf, type OneOf, optionalBytes } from '../../codec/protobuf-message.ts';
import { ProtobufReader, WIRE } from '../../codec/protobuf-wire.ts';
import { PAYLOAD } from './envelope.ts';

/** In the payload of every kind of stream, field 1 is its inception: what the first event says of the stream. */
const INCEPTION_NUMBER = 1;

const INCEPTION = new MessageSchema<{
  readonly inception: { readonly streamId: Bytes; readonly first: Bytes; readonly second: Bytes } | undefined;
}>({
  inception: messageOf(
    INCEPTION_NUMBER,
    new MessageSchema({ streamId: bytesOf(1), first: bytesOf(2), second: bytesOf(3) }),
  ),
});

/** What a member of a stream may do to who is one. */
export const MEMBERSHIP = { invite: 1n, join: 2n, leave: 3n } as const;

export interface Membership {
  readonly op: bigint;
  readonly userAddress: Bytes;
  readonly initiatorAddress: Bytes;
}

const MEMBER = new MessageSchema<{ readonly membership: (Membership & { appAddress: Bytes | undefined }) | undefined }>(
  {
    membership: messageOf(
      1,
      new MessageSchema({
        op: int64(1),
        userAddress: bytesOf(2),
        initiatorAddress: bytesOf(3),
        appAddress: optionalBytes(6),
      }),
    ),
  },
);

/** Number of the content that counts: the last one. `undefined` for a payload that says nothing. */
export function contentOf(payload: OneOf): number | undefined {
  let content: number | undefined;
  for (const part of payload.parts) {
    const reader = new ProtobufReader(part);
    while (reader.next()) if (reader.wire === WIRE.bytes) content = reader.number;
  }
  return content;
}

export interface Inception {
  readonly streamId: Bytes;
  /** Both parties, where the stream is a direct message channel. */
  readonly parties: readonly Bytes[];
}

/**
 * What the first event of a stream says; `undefined` where the payload is something else, or more than that: it becomes
 * the stream's first snapshot as it is.
 */
export function inceptionOf(payload: OneOf): Inception | undefined {
  if (payload.number === PAYLOAD.member || payload.number === PAYLOAD.miniblockHeader) return undefined;
  const reader = new ProtobufReader(concatBytes(...payload.parts.slice(0, 2)));
  if (!reader.next() || reader.number !== INCEPTION_NUMBER || reader.next()) return undefined;
  const inception = INCEPTION.decodeParts(payload.parts).inception;
  if (inception === undefined) return undefined;
  const parties = payload.number === PAYLOAD.dmChannel ? [inception.first, inception.second] : [];
  return { streamId: inception.streamId, parties };
}

/** Who shall be a member or no longer; `undefined` where the payload is something else. */
export function membershipOf(payload: OneOf): Membership | undefined {
  if (payload.number !== PAYLOAD.member || contentOf(payload) !== 1) return undefined;
  return MEMBER.decodeParts(payload.parts).membership;
}
