import { type Bytes, concatBytes, utf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { bytesOf, MessageSchema, messageOf, type OneOf, textOf } from '../../codec/protobuf-message.ts';
import { bytesField, varintField } from '../../codec/protobuf-wire.ts';
import { WALLET_ADDRESS_BYTES } from '../../crypto/secp256k1/wallet-address.ts';
import { PAYLOAD } from './envelope.ts';
import { contentOf, MEMBERSHIP } from './payload.ts';
import { parseStreamId, STREAM_ID_BYTES, type StreamId } from './stream-id.ts';

/** First octets of the streams that are made here: {@link newStreamId}. */
const KIND_OCTETS = {
  space: 0x10,
  channel: 0x20,
  user: 0xa8,
  'user-settings': 0xa5,
  'user-metadata': 0xad,
  'user-inbox': 0xa1,
} as const;

/** A stream that a wallet may begin by itself. */
export type NewStreamKind = keyof typeof KIND_OCTETS;

export const NEW_STREAM_KINDS = Object.keys(KIND_OCTETS) as readonly NewStreamKind[];

/** Random octets that {@link newStreamId} takes. */
export const STREAM_NAME_BYTES = STREAM_ID_BYTES - 1;

/** A user's stream is named after the user, others at random. */
export function newStreamId(kind: NewStreamKind, user: Bytes, random: Bytes): StreamId {
  const octet = Uint8Array.of(KIND_OCTETS[kind]);
  const name = kind.startsWith('user')
    ? user
    : random.subarray(0, kind === 'space' ? WALLET_ADDRESS_BYTES : STREAM_NAME_BYTES);
  const id = new Uint8Array(STREAM_ID_BYTES);
  id.set(concatBytes(octet, name));
  return parseStreamId(id);
}

/** What the first event of a stream says. */
export function inceptionPayload({ bytes, kind }: StreamId): OneOf {
  return { number: kind.payload, parts: [bytesField(1, bytesField(1, bytes))] };
}

/** Who shall be a member. */
export function membershipPayload(op: keyof typeof MEMBERSHIP, user: Bytes, initiator: Bytes): OneOf {
  const said = concatBytes(varintField(1, MEMBERSHIP[op]), bytesField(2, user), bytesField(3, initiator));
  return { number: PAYLOAD.member, parts: [bytesField(1, said)] };
}

/** Field of a payload in which its messages are, in those kinds of streams that have any. */
const MESSAGE_FIELDS: Readonly<Record<number, number>> = {
  [PAYLOAD.channel]: 2,
  [PAYLOAD.dmChannel]: 3,
  [PAYLOAD.gdmChannel]: 3,
};

/** `EncryptedData`, as far as it matters here: its members encrypt, and nobody here does. */
const ENCRYPTED_DATA = new MessageSchema<{ readonly ciphertext: string }>({ ciphertext: textOf(1) });

/** A message into a channel. @throws ERR_STREAM_PAYLOAD for a stream of another kind. */
export function messagePayload({ kind, text }: StreamId, ciphertext: string): OneOf {
  const field = MESSAGE_FIELDS[kind.payload];
  if (field === undefined)
    throw new MeshError('ERR_STREAM_PAYLOAD', `stream ${text} is no channel and takes no messages`);
  return { number: kind.payload, parts: [bytesField(field, bytesField(1, utf8(ciphertext)))] };
}

/** The text of a message; `undefined` where the payload is something else. */
export function messageTextOf(payload: OneOf): string | undefined {
  const field = MESSAGE_FIELDS[payload.number];
  if (field === undefined || contentOf(payload) !== field) return undefined;
  const schema = new MessageSchema({ message: messageOf(field, ENCRYPTED_DATA), inception: bytesOf(1) });
  return schema.decodeParts(payload.parts).message?.ciphertext;
}
