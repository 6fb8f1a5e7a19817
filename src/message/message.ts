import { type Bytes, bytesEqual, toHex } from '../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../base/errors.ts';
import type { UnixMs } from '../base/time.ts';
import { CborWriter } from '../codec/cbor-writer.ts';
import { encodeSign1, sigStructure } from '../cose/sign1.ts';
import { sha256Hex } from '../crypto/hash.ts';
import type { MessageAlgorithm } from '../crypto/keys/public-key.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { Audience } from './audience.ts';
import type { MessageType } from './family.ts';
import { decodeHeader, encodeHeader, type MessagePlace, type SignerFields, type SignerHeader } from './header.ts';
import { PAYLOAD_BYTES_MAX } from './limits.ts';
import { type MessageId, messageIdOf, type StreamKey, streamOf } from './message-id.ts';
import { type PayloadContent, readPayload } from './payloads/payload.ts';

/** What a message says, apart from who proves it. */
export interface MessageFields extends SignerFields, MessagePlace {
  readonly payload: Bytes;
}

/** A message before its signature. */
export class ComposedMessage implements MessageFields {
  readonly algorithm: MessageAlgorithm;
  readonly type: MessageType;
  readonly contentType: string;
  readonly origin: NodeId;
  readonly audience: Audience | undefined;
  readonly voucherHash: Bytes;
  readonly voucherId: string;
  readonly delegate: { readonly statement: Bytes | undefined } | undefined;
  readonly incarnation: number;
  readonly counter: number;
  readonly issuedAt: UnixMs;
  readonly expiresAt: UnixMs;
  readonly payload: Bytes;
  readonly stream: StreamKey;
  readonly protectedBytes: Bytes;
  /** The COSE Sig_structure. */
  readonly toBeSigned: Bytes;
  /** SHA-256 of {@link toBeSigned}, in hex: the identity of what is said. Never a hash of a signature (T11). */
  readonly contentKey: string;
  #content: PayloadContent | undefined;

  constructor(signer: SignerHeader, place: MessagePlace, stream: StreamKey, layout: MessageLayout) {
    this.algorithm = signer.algorithm;
    this.type = signer.type;
    this.contentType = signer.contentType;
    this.origin = signer.origin;
    this.audience = signer.audience;
    this.voucherHash = signer.voucherHash;
    this.voucherId = signer.voucherId;
    this.delegate = signer.delegate;
    this.incarnation = place.incarnation;
    this.counter = place.counter;
    this.issuedAt = place.issuedAt;
    this.expiresAt = place.expiresAt;
    this.payload = layout.payload;
    this.stream = stream;
    this.protectedBytes = layout.protectedBytes;
    this.toBeSigned = layout.toBeSigned;
    this.contentKey = sha256Hex(layout.toBeSigned);
  }

  get id(): MessageId {
    return messageIdOf(this.origin, this.incarnation, this.counter);
  }

  /** What the payload says, read once. @throws ERR_MESSAGE_PAYLOAD where it is not what its family demands. */
  get content(): PayloadContent {
    this.#content ??= readPayload(this);
    return this.#content;
  }
}

/** The parts of a message as they are signed. */
export interface MessageLayout {
  readonly protectedBytes: Bytes;
  readonly payload: Bytes;
  readonly toBeSigned: Bytes;
}

/** A message of this mesh, well-formed; whether its signature holds is for the gate to find out. */
export class Message extends ComposedMessage {
  readonly signature: Bytes;
  /** What the signature is over: {@link toBeSigned}, or the root of the batch that the message was signed in. */
  readonly signedBytes: Bytes;
  /** Set where the signature is that of a batch: equal for all messages of it. */
  readonly batchKey: string | undefined;
  /** The COSE_Sign1, as received. */
  readonly bytes: Bytes;

  constructor(
    signer: SignerHeader,
    place: MessagePlace,
    stream: StreamKey,
    layout: MessageLayout,
    signed: SignedMessageParts,
  ) {
    super(signer, place, stream, layout);
    this.signature = signed.signature;
    this.signedBytes = signed.batch?.signedBytes ?? layout.toBeSigned;
    this.batchKey = signed.batch?.batchKey;
    this.bytes = signed.bytes;
  }
}

export interface SignedMessageParts {
  readonly signature: Bytes;
  readonly batch: SignedBatch | undefined;
  readonly bytes: Bytes;
}

/** What one signature is over that covers a whole batch. */
export interface SignedBatch {
  readonly signedBytes: Bytes;
  readonly batchKey: string;
}

/** Signed with every message, never sent: a message of one mesh means nothing in another (spec 03 section 1). */
export function externalAad(mesh: MeshName): Bytes {
  return new CborWriter(64).array(2).text('chainmail message v1').text(mesh).finish();
}

/** Lays out the fields; what comes back is what a signer signs. */
export function composeMessage(mesh: MeshName, fields: MessageFields): ComposedMessage {
  const signer = { ...fields, voucherId: toHex(fields.voucherHash) };
  return composed(mesh, signer, fields, encodeHeader(fields), fields.payload);
}

/** Puts the signature to a composed message. The caller's signature is not verified here. */
export function assembleMessage(message: ComposedMessage, signature: Bytes): Message {
  const bytes = encodeSign1({ protectedBytes: message.protectedBytes, payload: message.payload, signature });
  return new Message(message, message, message.stream, message, { signature, batch: undefined, bytes });
}

/** Reads what a client composed by itself: the protected header and the payload apart. */
export function parseComposed(mesh: MeshName, protectedBytes: Bytes, payload: Bytes): ComposedMessage {
  if (payload.length > PAYLOAD_BYTES_MAX)
    throw new MeshError(
      'ERR_MESSAGE_PAYLOAD',
      `payload of ${payload.length} bytes, expected at most ${PAYLOAD_BYTES_MAX}`,
    );
  return malformedIfThrows(() => {
    const { signer, place } = decodeHeader(protectedBytes);
    return composed(mesh, signer, place, protectedBytes, payload);
  });
}

function composed(
  mesh: MeshName,
  signer: SignerHeader,
  place: MessagePlace,
  protectedBytes: Bytes,
  payload: Bytes,
): ComposedMessage {
  const toBeSigned = sigStructure(protectedBytes, externalAad(mesh), payload);
  const stream = streamOf(signer, place.incarnation);
  return new ComposedMessage(signer, place, stream, { protectedBytes, payload, toBeSigned });
}

/** @throws ERR_MESSAGE_MALFORMED where `parse` throws any other code. */
export function malformedIfThrows<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isMeshError(error) || error.code === 'ERR_MESSAGE_MALFORMED') throw error;
    throw new MeshError('ERR_MESSAGE_MALFORMED', `message: ${messageOf(error)}`, undefined, { cause: error });
  }
}

/** True where both say the same thing signed the same way: a copy, not a twin. */
export function isSameCopy(a: Message, b: Message): boolean {
  return a.contentKey === b.contentKey && bytesEqual(a.bytes, b.bytes);
}
