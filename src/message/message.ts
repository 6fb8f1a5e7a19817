import { type Bytes, bytesEqual } from '../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../base/errors.ts';
import { type UnixMs, unixMsFromSeconds } from '../base/time.ts';
import { CborReader } from '../codec/cbor-reader.ts';
import { CborWriter } from '../codec/cbor-writer.ts';
import { decodeSign1, encodeSign1, sigStructure } from '../cose/sign1.ts';
import { sha256, sha256Hex } from '../crypto/hash.ts';
import { merkleLeaf, merkleRoot } from '../crypto/merkle-tree.ts';
import type { MessageAlgorithm } from '../crypto/public-key.ts';
import { STATEMENT_BYTES_MAX, STATEMENT_BYTES_MIN } from '../identity/delegate/statement.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import { type NodeId, parseNodeId } from '../identity/node-id.ts';
import { type Audience, parseAudience } from './audience.ts';
import { type MessageType, parseMessageType } from './family.ts';
import { signedOfBatch } from './batch.ts';
import { CONTENT_TYPE_BYTES_MAX, MESSAGE_BYTES_MAX, PAYLOAD_BYTES_MAX, TYPE_BYTES_MAX } from './limits.ts';
import { delegateStreamKeyOf, type MessageId, messageIdOf, type StreamKey, streamKeyOf } from './message-id.ts';

/** COSE algorithm numbers (RFC 9053, RFC 9864, RFC 8812). */
const COSE_ALGORITHM: Readonly<Record<MessageAlgorithm, number>> = { ES256: -7, Ed25519: -19, ES256K: -47 };
/** COSE number of SHA-256 in x5t (RFC 9360). */
const COSE_SHA256 = -16;

const LABEL_ALG = 1;
const LABEL_CONTENT_TYPE = 3;
const LABEL_CWT_CLAIMS = 15;
const LABEL_X5T = 34;
const LABEL_TYPE = 'type';
const LABEL_DELEGATE = 'delegate';

const CLAIM_ISS = 1;
const CLAIM_AUD = 3;
const CLAIM_EXP = 4;
const CLAIM_IAT = 6;
const CLAIM_CTI = 7;

/** What a message says, apart from who proves it. */
export interface MessageFields {
  readonly algorithm: MessageAlgorithm;
  readonly type: MessageType;
  readonly contentType: string;
  readonly origin: NodeId;
  /** Absent: for everybody. */
  readonly audience?: Audience | undefined;
  readonly incarnation: number;
  readonly counter: number;
  /** To the second. */
  readonly issuedAt: UnixMs;
  /** To the second. */
  readonly expiresAt: UnixMs;
  /** SHA-256 of what vouches for the key that signs: the DER of a leaf certificate, or a delegate statement. */
  readonly leafHash: Bytes;
  /** Present where a delegate signs; with the statement itself in the first message of a stream. */
  readonly delegate?: { readonly statement: Bytes | undefined } | undefined;
  readonly payload: Bytes;
}

/** A message before its signature. */
export interface ComposedMessage extends MessageFields {
  readonly id: MessageId;
  readonly stream: StreamKey;
  readonly protectedBytes: Bytes;
  /** The COSE Sig_structure. */
  readonly toBeSigned: Bytes;
  /** SHA-256 of {@link toBeSigned}, in hex: the identity of what is said. Never a hash of a signature (T11). */
  readonly contentKey: string;
}

/** A message of this mesh, well-formed; whether its signature holds is for the gate to find out. */
export interface Message extends ComposedMessage {
  readonly signature: Bytes;
  /** What the signature is over: {@link toBeSigned}, or the root of the batch that the message was signed in. */
  readonly signedBytes: Bytes;
  /** Set where the signature is that of a batch: equal for all messages of it. */
  readonly batchKey: string | undefined;
  /** The COSE_Sign1, as received. */
  readonly bytes: Bytes;
}

/** Signed with every message, never sent: a message of one mesh means nothing in another (formats.md section 0). */
export function externalAad(mesh: MeshName): Bytes {
  return new CborWriter(64).array(2).text('chainmail message v1').text(mesh).finish();
}

/** Lays out the fields; what comes back is what a signer signs. */
export function composeMessage(mesh: MeshName, fields: MessageFields): ComposedMessage {
  return fromProtected(mesh, fields, encodeProtected(fields), fields.payload);
}

/** Puts the signature to a composed message. The caller's signature is not verified here. */
export function assembleMessage(composed: ComposedMessage, signature: Bytes): Message {
  const { protectedBytes, payload, toBeSigned } = composed;
  const bytes = encodeSign1({ protectedBytes, payload, signature });
  return { ...composed, signature, signedBytes: toBeSigned, batchKey: undefined, bytes };
}

/** @throws ERR_MESSAGE_MALFORMED for anything but the one encoding of a message. */
export function parseMessage(mesh: MeshName, bytes: Bytes): Message {
  if (bytes.length > MESSAGE_BYTES_MAX)
    throw new MeshError(
      'ERR_MESSAGE_MALFORMED',
      `message of ${bytes.length} bytes, expected at most ${MESSAGE_BYTES_MAX}`,
    );
  return malformedIfThrows(() => {
    const { protectedBytes, payload, signature, path } = decodeSign1(bytes, PAYLOAD_BYTES_MAX);
    if (signature.length !== 64) throw new MeshError('ERR_MESSAGE_MALFORMED', 'message signature: expected 64 bytes');
    const composed = fromProtected(mesh, decodeProtected(protectedBytes), protectedBytes, payload);
    if (path === undefined)
      return { ...composed, signature, signedBytes: composed.toBeSigned, batchKey: undefined, bytes };
    const root = merkleRoot(merkleLeaf(composed.toBeSigned), path);
    return { ...composed, signature, ...signedOfBatch(mesh, root), bytes };
  });
}

/** Reads what a client composed by itself: the protected header and the payload apart (contract.md, gossip). */
export function parseComposed(mesh: MeshName, protectedBytes: Bytes, payload: Bytes): ComposedMessage {
  if (payload.length > PAYLOAD_BYTES_MAX)
    throw new MeshError(
      'ERR_MESSAGE_PAYLOAD',
      `payload of ${payload.length} bytes, expected at most ${PAYLOAD_BYTES_MAX}`,
    );
  return malformedIfThrows(() => fromProtected(mesh, decodeProtected(protectedBytes), protectedBytes, payload));
}

type ProtectedFields = Omit<MessageFields, 'payload'>;

function fromProtected(
  mesh: MeshName,
  fields: ProtectedFields,
  protectedBytes: Bytes,
  payload: Bytes,
): ComposedMessage {
  const toBeSigned = sigStructure(protectedBytes, externalAad(mesh), payload);
  return {
    algorithm: fields.algorithm,
    type: fields.type,
    contentType: fields.contentType,
    origin: fields.origin,
    audience: fields.audience,
    incarnation: fields.incarnation,
    counter: fields.counter,
    issuedAt: fields.issuedAt,
    expiresAt: fields.expiresAt,
    leafHash: fields.leafHash,
    delegate: fields.delegate,
    payload,
    id: messageIdOf(fields.origin, fields.incarnation, fields.counter),
    stream:
      fields.delegate === undefined
        ? streamKeyOf(fields.origin, fields.incarnation)
        : delegateStreamKeyOf(fields.origin, fields.leafHash, fields.incarnation),
    protectedBytes,
    toBeSigned,
    contentKey: sha256Hex(toBeSigned),
  };
}

function encodeProtected(fields: ProtectedFields): Bytes {
  const writer = new CborWriter(256).map(5);
  writer.uint(LABEL_ALG).int(COSE_ALGORITHM[fields.algorithm]);
  writer.uint(LABEL_CONTENT_TYPE).text(fields.contentType);
  writer.uint(LABEL_CWT_CLAIMS).map(fields.audience === undefined ? 4 : 5);
  writer.uint(CLAIM_ISS).text(fields.origin);
  if (fields.audience !== undefined) writer.uint(CLAIM_AUD).text(fields.audience.text);
  writer.uint(CLAIM_EXP).int(fields.expiresAt / 1_000);
  writer.uint(CLAIM_IAT).int(fields.issuedAt / 1_000);
  writer.uint(CLAIM_CTI).bytes(encodeCti(fields.incarnation, fields.counter));
  if (fields.delegate === undefined) writer.uint(LABEL_X5T).array(2).int(COSE_SHA256).bytes(fields.leafHash);
  writer.text(LABEL_TYPE).text(fields.type.text);
  if (fields.delegate !== undefined) writer.text(LABEL_DELEGATE).bytes(fields.delegate.statement ?? fields.leafHash);
  return writer.finish();
}

function decodeProtected(bytes: Bytes): ProtectedFields {
  const reader = new CborReader(bytes);
  if (reader.map(5) !== 5) malformed('protected header: expected alg, content type, claims, x5t and type');
  expectLabel(reader, LABEL_ALG);
  const algorithm = algorithmOf(reader.int());
  expectLabel(reader, LABEL_CONTENT_TYPE);
  const contentType = reader.text(CONTENT_TYPE_BYTES_MAX);
  expectLabel(reader, LABEL_CWT_CLAIMS);
  const claims = reader.map(5);
  expectLabel(reader, CLAIM_ISS);
  const origin = parseNodeId(reader.text(63));
  let audience: Audience | undefined;
  if (claims === 5) {
    expectLabel(reader, CLAIM_AUD);
    audience = parseAudience(reader.text(128));
  } else if (claims !== 4) malformed('claims: expected iss, exp, iat, cti and perhaps aud');
  expectLabel(reader, CLAIM_EXP);
  const expiresAt = unixMsFromSeconds(seconds(reader.int()));
  expectLabel(reader, CLAIM_IAT);
  const issuedAt = unixMsFromSeconds(seconds(reader.int()));
  expectLabel(reader, CLAIM_CTI);
  const { incarnation, counter } = decodeCti(reader.bytesOf(16));
  const leafHash = readX5t(reader);
  if (reader.text(16) !== LABEL_TYPE) malformed('protected header: expected "type"');
  const type = parseMessageType(reader.text(TYPE_BYTES_MAX));
  const signedBy = leafHash === undefined ? readDelegate(reader) : { leafHash };
  reader.end();
  if (leafHash !== undefined && algorithm === 'ES256K') malformed('algorithm ES256K (-47) is for delegates');
  return { algorithm, type, contentType, origin, audience, incarnation, counter, issuedAt, expiresAt, ...signedBy };
}

/** @returns `undefined` where there is none, and a delegate signs. */
function readX5t(reader: CborReader): Bytes | undefined {
  if (reader.isText) return undefined;
  expectLabel(reader, LABEL_X5T);
  reader.arrayOf(2);
  if (reader.int() !== COSE_SHA256) malformed('x5t: expected SHA-256');
  return reader.bytesOf(32);
}

/** 32 bytes are the hash of a statement; every statement is longer. */
function readDelegate(reader: CborReader): Required<Pick<MessageFields, 'leafHash' | 'delegate'>> {
  if (reader.text(16) !== LABEL_DELEGATE) malformed('protected header: expected x5t or "delegate"');
  const value = reader.bytes(STATEMENT_BYTES_MAX);
  if (value.length === 32) return { leafHash: value, delegate: { statement: undefined } };
  if (value.length < STATEMENT_BYTES_MIN) malformed('delegate: expected a statement or its SHA-256');
  return { leafHash: sha256(value), delegate: { statement: value } };
}

function malformed(what: string): never {
  throw new MeshError('ERR_MESSAGE_MALFORMED', `message ${what}`);
}

function malformedIfThrows<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isMeshError(error) || error.code === 'ERR_MESSAGE_MALFORMED') throw error;
    throw new MeshError('ERR_MESSAGE_MALFORMED', `message: ${messageOf(error)}`, undefined, { cause: error });
  }
}

function expectLabel(reader: CborReader, label: number): void {
  if (reader.uint() !== label) malformed(`header: expected label ${label}`);
}

function algorithmOf(number: number): MessageAlgorithm {
  if (number === COSE_ALGORITHM.ES256) return 'ES256';
  if (number === COSE_ALGORITHM.Ed25519) return 'Ed25519';
  if (number === COSE_ALGORITHM.ES256K) return 'ES256K';
  return malformed(`algorithm ${number}: expected ES256 (-7), Ed25519 (-19) or ES256K (-47)`);
}

/** Years beyond 9999 have no RFC 3339 form. */
export const SECONDS_MAX = 253_402_300_799;

function seconds(value: number): number {
  if (value < 0 || value > SECONDS_MAX) malformed('time: expected Unix seconds before the year 10000');
  return value;
}

/** `incarnation u64 BE ‖ counter u64 BE`. */
function encodeCti(incarnation: number, counter: number): Bytes {
  const cti = new Uint8Array(16);
  const view = new DataView(cti.buffer);
  view.setBigUint64(0, BigInt(incarnation));
  view.setBigUint64(8, BigInt(counter));
  return cti;
}

function decodeCti(cti: Bytes): { incarnation: number; counter: number } {
  const view = new DataView(cti.buffer, cti.byteOffset, cti.byteLength);
  const incarnation = view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4);
  const counter = view.getUint32(8) * 0x1_0000_0000 + view.getUint32(12);
  if (incarnation > Number.MAX_SAFE_INTEGER || counter > Number.MAX_SAFE_INTEGER)
    malformed('cti: expected incarnation and counter below 2^53');
  return { incarnation, counter };
}

/** True where both say the same thing signed the same way: a copy, not a twin. */
export function isSameCopy(a: Message, b: Message): boolean {
  return a.contentKey === b.contentKey && bytesEqual(a.bytes, b.bytes);
}
