import { type Bytes, toHex } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { type UnixMs, UNIX_SECONDS_MAX, unixMsFromSeconds } from '../base/time.ts';
import { CborReader } from '../codec/cbor-reader.ts';
import { CborWriter } from '../codec/cbor-writer.ts';
import { sha256 } from '../crypto/hash.ts';
import type { MessageAlgorithm } from '../crypto/keys/public-key.ts';
import { STATEMENT_BYTES_MAX, STATEMENT_BYTES_MIN } from '../identity/delegate/statement.ts';
import { type NodeId, parseNodeId } from '../identity/node-id.ts';
import { type Audience, parseAudience } from './audience.ts';
import { type MessageType, parseMessageType } from './family.ts';
import { CONTENT_TYPE_BYTES_MAX, TYPE_BYTES_MAX } from './limits.ts';

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

/** What all messages of one kind of one signer have in common. */
export interface SignerFields {
  readonly algorithm: MessageAlgorithm;
  readonly type: MessageType;
  readonly contentType: string;
  readonly origin: NodeId;
  /** Absent: for everybody. */
  readonly audience?: Audience | undefined;
  /** SHA-256 of what vouches for the key that signs: the DER of a leaf certificate, or a delegate statement. */
  readonly voucherHash: Bytes;
  /** Present where a delegate signs; with the statement itself in the first message of a stream. */
  readonly delegate?: { readonly statement: Bytes | undefined } | undefined;
}

/** As read from a header. */
export interface SignerHeader extends SignerFields {
  /** {@link SignerFields.voucherHash} in hex: under which chains and statements are kept and asked for. */
  readonly voucherId: string;
}

/** What tells a message from the others of its signer. */
export interface MessagePlace {
  readonly incarnation: number;
  readonly counter: number;
  /** To the second. */
  readonly issuedAt: UnixMs;
  /** To the second. */
  readonly expiresAt: UnixMs;
}

/** The protected header of a message, deterministic CBOR (spec 03 section 1): what {@link decodeHeader} reads. */
export function encodeHeader(fields: SignerFields & MessagePlace): Bytes {
  const writer = new CborWriter(256).map(5);
  writer.uint(LABEL_ALG).int(COSE_ALGORITHM[fields.algorithm]);
  writer.uint(LABEL_CONTENT_TYPE).text(fields.contentType);
  writer.uint(LABEL_CWT_CLAIMS).map(fields.audience === undefined ? 4 : 5);
  writer.uint(CLAIM_ISS).text(fields.origin);
  if (fields.audience !== undefined) writer.uint(CLAIM_AUD).text(fields.audience.text);
  writer.uint(CLAIM_EXP).int(fields.expiresAt / 1_000);
  writer.uint(CLAIM_IAT).int(fields.issuedAt / 1_000);
  writer.uint(CLAIM_CTI).bytes(encodeCti(fields.incarnation, fields.counter));
  if (fields.delegate === undefined) writer.uint(LABEL_X5T).array(2).int(COSE_SHA256).bytes(fields.voucherHash);
  writer.text(LABEL_TYPE).text(fields.type.text);
  if (fields.delegate !== undefined) writer.text(LABEL_DELEGATE).bytes(fields.delegate.statement ?? fields.voucherHash);
  return writer.finish();
}

/** @throws ERR_MESSAGE_MALFORMED, ERR_CBOR and others for anything but the one encoding. */
export function decodeHeader(bytes: Bytes): { readonly signer: SignerHeader; readonly place: MessagePlace } {
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
  const { incarnation, counter } = decodeCti(reader.bytesOf(16), 0);
  const voucherHash = readX5t(reader);
  if (reader.text(16) !== LABEL_TYPE) malformed('protected header: expected "type"');
  const type = parseMessageType(reader.text(TYPE_BYTES_MAX));
  const signedBy = voucherHash === undefined ? readDelegate(reader) : { voucherHash, delegate: undefined };
  reader.end();
  if (voucherHash !== undefined && algorithm === 'ES256K') malformed('algorithm ES256K (-47) is for delegates');
  return {
    signer: { algorithm, type, contentType, origin, audience, ...signedBy, voucherId: toHex(signedBy.voucherHash) },
    place: { incarnation, counter, issuedAt, expiresAt },
  };
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
function readDelegate(reader: CborReader): Required<Pick<SignerFields, 'voucherHash' | 'delegate'>> {
  if (reader.text(16) !== LABEL_DELEGATE) malformed('protected header: expected x5t or "delegate"');
  const value = reader.bytes(STATEMENT_BYTES_MAX);
  if (value.length === 32) return { voucherHash: value, delegate: { statement: undefined } };
  if (value.length < STATEMENT_BYTES_MIN) malformed('delegate: expected a statement or its SHA-256');
  return { voucherHash: sha256(value), delegate: { statement: value } };
}

function malformed(what: string): never {
  throw new MeshError('ERR_MESSAGE_MALFORMED', `message ${what}`);
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

function seconds(value: number): number {
  if (value < 0 || value > UNIX_SECONDS_MAX) malformed('time: expected Unix seconds before the year 10000');
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

function decodeCti(bytes: Bytes, at: number): { incarnation: number; counter: number } {
  const incarnation = uint32At(bytes, at) * 0x1_0000_0000 + uint32At(bytes, at + 4);
  const counter = uint32At(bytes, at + 8) * 0x1_0000_0000 + uint32At(bytes, at + 12);
  if (incarnation > Number.MAX_SAFE_INTEGER || counter > Number.MAX_SAFE_INTEGER)
    malformed('cti: expected incarnation and counter below 2^53');
  return { incarnation, counter };
}

function uint32At(bytes: Bytes, at: number): number {
  return (
    (bytes[at] as number) * 0x100_0000 +
    (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  );
}

// ---- where the place lies in a header of the usual form -----------------------------------------------------------

/**
 * Bytes of {@link MessagePlace}: `04 1a EXP 06 1a IAT 07 50 CTI`, with times that take four bytes (1970-01-01T18:12Z to
 * 2106). Everything before it and behind it is the same in all messages with an equal {@link SignerHeader}.
 */
export const PLACE_BYTES = 30;
/** `0x1a` announces four bytes, and below this that would not be the shortest form. */
const FOUR_BYTES_LEAST = 0x1_0000;

/** Where the place begins in a header; -1 where it has not the usual form, which is for {@link decodeHeader} to read. */
export function placeIn(bytes: Bytes): number {
  // {1: alg of one byte, 3: text, 15: {1: text, 4: ...
  if (bytes.length < 16 || bytes[1] !== LABEL_ALG || bytes[3] !== LABEL_CONTENT_TYPE) return -1;
  const claims = behindText(bytes, 4);
  if (claims < 0 || bytes[claims] !== LABEL_CWT_CLAIMS || bytes[claims + 2] !== CLAIM_ISS) return -1;
  let at = behindText(bytes, claims + 3);
  if (at >= 0 && bytes[at] === CLAIM_AUD) at = behindText(bytes, at + 1);
  if (at < 0 || at + PLACE_BYTES > bytes.length) return -1;
  const isUsual =
    bytes[at] === CLAIM_EXP &&
    bytes[at + 1] === 0x1a &&
    bytes[at + 6] === CLAIM_IAT &&
    bytes[at + 7] === 0x1a &&
    bytes[at + 12] === CLAIM_CTI &&
    bytes[at + 13] === 0x50 &&
    uint32At(bytes, at + 2) >= FOUR_BYTES_LEAST &&
    uint32At(bytes, at + 8) >= FOUR_BYTES_LEAST;
  return isUsual ? at : -1;
}

/** Reads what {@link placeIn} has found. @throws ERR_MESSAGE_MALFORMED for counters from 2^53 on. */
export function decodePlace(bytes: Bytes, at: number): MessagePlace {
  const { incarnation, counter } = decodeCti(bytes, at + 14);
  return {
    incarnation,
    counter,
    issuedAt: unixMsFromSeconds(uint32At(bytes, at + 8)),
    expiresAt: unixMsFromSeconds(uint32At(bytes, at + 2)),
  };
}

/** Behind a text of up to 255 bytes that begins here; -1 where none does. */
function behindText(bytes: Bytes, at: number): number {
  const head = bytes[at];
  if (head === undefined || head < 0x60 || head > 0x78) return -1;
  const end = head < 0x78 ? at + 1 + (head & 31) : at + 2 + (bytes[at + 1] ?? 0);
  return end < bytes.length ? end : -1;
}
