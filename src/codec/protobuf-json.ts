import { type Bytes, toBase64 } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';

/** The JSON mapping of Protocol Buffers 3, as far as it is used: bytes as base64, 64-bit integers as text. */

/** @throws ERR_PROTOBUF */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw expected('an object');
  return value as Readonly<Record<string, unknown>>;
}

export function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw expected('an array');
  return value;
}

/** Standard or URL-safe base64, with padding or without, as every parser of this mapping must take it. */
export function bytesFromJson(value: unknown): Bytes {
  if (typeof value !== 'string') throw expected('base64');
  const alphabet = /[-_]/.test(value) ? 'base64url' : 'base64';
  try {
    return Uint8Array.fromBase64(value, { alphabet });
  } catch {
    throw expected('base64');
  }
}

export function bytesToJson(value: Bytes): string {
  return toBase64(value);
}

export function textFromJson(value: unknown): string {
  if (typeof value !== 'string' || !value.isWellFormed()) throw expected('a string');
  return value;
}

/** Decimal text, or a number that is exact. */
export function int64FromJson(value: unknown): bigint {
  const isExact = typeof value === 'number' && Number.isSafeInteger(value);
  if (!isExact && !(typeof value === 'string' && /^-?[0-9]{1,19}$/.test(value))) throw expected('a 64-bit integer');
  const integer = BigInt(value);
  if (BigInt.asIntN(64, integer) !== integer) throw expected('a 64-bit integer');
  return integer;
}

export function boolFromJson(value: unknown): boolean {
  if (typeof value !== 'boolean') throw expected('true or false');
  return value;
}

/** `streamId` is `stream_id` in the `.proto`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function expected(what: string): MeshError {
  return new MeshError('ERR_PROTOBUF', `member of the JSON body: expected ${what}`);
}
