import { type Bytes, concatBytes, EMPTY, textOfUtf8, utf8 } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import * as json from './protobuf-json.ts';
import { bytesField, ProtobufReader, varintField, WIRE } from './protobuf-wire.ts';

/**
 * One field of a message: how it is read, written and shown as JSON. A value on the wire of another type than the
 * field's is an unknown field and left alone, as in Go; a scalar that comes twice has the last value, a message that
 * comes twice is merged (Protocol Buffers, «Encoding»).
 */
export interface Field<T> {
  readonly numbers: readonly number[];
  /** What is there when nothing was sent. */
  readonly absent: T;
  /** The value after this field; `before` where its wire type is not this field's. */
  read(field: ProtobufReader, before: T): T;
  /** Empty where the value need not be sent. */
  write(value: T): Bytes;
  fromJson(value: unknown): T;
  /** `undefined` where the member is left out. */
  toJson(value: T): unknown;
}

/** The plain object that a schema reads to and writes from. */
export type MessageOf<S> = S extends MessageSchema<infer T> ? T : never;

/** A message of Protocol Buffers 3, in binary and as JSON. Members are named in lowerCamelCase. */
export class MessageSchema<T> {
  readonly #fields: ReadonlyMap<string, Field<unknown>>;
  readonly #names = new Map<number, string>();

  /** Fields in the order of their numbers: so are they written. */
  constructor(fields: { readonly [K in keyof T]: Field<T[K]> }) {
    this.#fields = new Map(Object.entries(fields as unknown as Record<string, Field<unknown>>));
    for (const [name, { numbers }] of this.#fields) for (const number of numbers) this.#names.set(number, name);
  }

  /** Unknown fields are skipped. @throws ERR_PROTOBUF for what is no message. */
  decode(bytes: Bytes): T {
    return this.merge(new ProtobufReader(bytes), undefined);
  }

  /** Reads on into a message that has begun. */
  merge(reader: ProtobufReader, before: T | undefined): T {
    const out: Record<string, unknown> = Object.assign({}, before ?? this.empty());
    while (reader.next()) {
      const name = this.#names.get(reader.number);
      if (name !== undefined) out[name] = (this.#fields.get(name) as Field<unknown>).read(reader, out[name]);
    }
    return out as T;
  }

  /** The message that the parts make together. */
  decodeParts(parts: readonly Bytes[]): T {
    let message: T | undefined;
    for (const part of parts) message = this.merge(new ProtobufReader(part), message);
    return message ?? this.empty();
  }

  /** The message with nothing set. */
  empty(): T {
    return Object.fromEntries([...this.#fields].map(([name, { absent }]) => [name, absent])) as T;
  }

  encode(message: Partial<T>): Bytes {
    const given = message as Readonly<Record<string, unknown>>;
    return concatBytes(
      ...[...this.#fields].map(([name, field]) => (given[name] === undefined ? EMPTY : field.write(given[name]))),
    );
  }

  /** Unknown members are skipped, names are taken in camelCase and as in the `.proto`. @throws ERR_PROTOBUF */
  fromJson(value: unknown): T {
    const object = json.objectOf(value);
    const out: Record<string, unknown> = {};
    for (const [name, field] of this.#fields) {
      const member = object[name] ?? object[json.snakeCase(name)];
      out[name] = member === undefined || member === null ? field.absent : field.fromJson(member);
    }
    return out as T;
  }

  toJson(message: Partial<T>): Readonly<Record<string, unknown>> {
    const given = message as Readonly<Record<string, unknown>>;
    const out: Record<string, unknown> = {};
    for (const [name, field] of this.#fields) {
      const shown = given[name] === undefined ? undefined : field.toJson(given[name]);
      if (shown !== undefined) out[name] = shown;
    }
    return out;
  }
}

/** @param explicit whether «empty» and «not sent» differ (`optional` in the `.proto`). */
function scalar<T>(
  number: number,
  absent: T,
  wire: number,
  read: (field: ProtobufReader) => T,
  write: (value: T & {}) => Bytes,
  asJson: { readonly from: (value: unknown) => T; readonly to: (value: T & {}) => unknown },
  isDefault: (value: T) => boolean,
): Field<T> {
  return {
    numbers: [number],
    absent,
    read: (field, before) => (field.wire === wire ? read(field) : before),
    write: (value) => (value === undefined || value === null || isDefault(value) ? EMPTY : write(value)),
    fromJson: asJson.from,
    toJson: (value) => (value === undefined || value === null || isDefault(value) ? undefined : asJson.to(value)),
  };
}

const never = (): boolean => false;
const BYTES_JSON = { from: json.bytesFromJson, to: json.bytesToJson };
const TEXT_JSON = { from: json.textFromJson, to: (text: string): unknown => text };
const INT64_JSON = { from: json.int64FromJson, to: String };
const BOOL_JSON = { from: json.boolFromJson, to: (value: boolean): unknown => value };

const copyOf = (field: ProtobufReader): Bytes => new Uint8Array(field.bytes);
const int64Of = (field: ProtobufReader): bigint => BigInt.asIntN(64, field.varint);

/** `bytes name = number` */
export function bytesOf(number: number): Field<Bytes> {
  return scalar<Bytes>(
    number,
    EMPTY,
    WIRE.bytes,
    copyOf,
    (value) => bytesField(number, value),
    BYTES_JSON,
    (value) => value.length === 0,
  );
}

/** `optional bytes name = number` */
export function optionalBytes(number: number): Field<Bytes | undefined> {
  return scalar<Bytes | undefined>(
    number,
    undefined,
    WIRE.bytes,
    copyOf,
    (value) => bytesField(number, value),
    BYTES_JSON,
    never,
  );
}

/** `string name = number`: UTF-8, else the message is refused. */
export function textOf(number: number): Field<string> {
  return scalar<string>(
    number,
    '',
    WIRE.bytes,
    (field) => protobufText(field.bytes),
    (value) => bytesField(number, utf8(value)),
    TEXT_JSON,
    (value) => value === '',
  );
}

/** `int64 name = number` */
export function int64(number: number): Field<bigint> {
  return scalar<bigint>(
    number,
    0n,
    WIRE.varint,
    int64Of,
    (value) => varintField(number, value),
    INT64_JSON,
    (value) => value === 0n,
  );
}

/** `optional int64 name = number` */
export function optionalInt64(number: number): Field<bigint | undefined> {
  return scalar<bigint | undefined>(
    number,
    undefined,
    WIRE.varint,
    int64Of,
    (value) => varintField(number, value),
    INT64_JSON,
    never,
  );
}

/** `bool name = number` */
export function bool(number: number): Field<boolean> {
  return scalar<boolean>(
    number,
    false,
    WIRE.varint,
    (field) => field.varint !== 0n,
    () => varintField(number, 1n),
    BOOL_JSON,
    (value) => !value,
  );
}

/** `M name = number` */
export function messageOf<T>(number: number, schema: MessageSchema<T>): Field<T | undefined> {
  return {
    numbers: [number],
    absent: undefined,
    read: (field, before) =>
      field.wire === WIRE.bytes ? schema.merge(new ProtobufReader(field.bytes, field.depth + 1), before) : before,
    write: (value) => (value === undefined ? EMPTY : bytesField(number, schema.encode(value))),
    fromJson: (value) => schema.fromJson(value),
    toJson: (value) => (value === undefined ? undefined : schema.toJson(value)),
  };
}

/** `repeated M name = number` */
export function repeatedMessage<T>(number: number, schema: MessageSchema<T>): Field<readonly T[]> {
  return repeated(
    number,
    (field) => schema.merge(new ProtobufReader(field.bytes, field.depth + 1), undefined),
    (value) => schema.encode(value),
    (value) => schema.fromJson(value),
    (value) => schema.toJson(value),
  );
}

/** `repeated bytes name = number` */
export function repeatedBytes(number: number): Field<readonly Bytes[]> {
  return repeated<Bytes>(number, copyOf, (value) => value, json.bytesFromJson, json.bytesToJson);
}

function repeated<T>(
  number: number,
  read: (field: ProtobufReader) => T,
  write: (value: T) => Bytes,
  fromJson: (value: unknown) => T,
  toJson: (value: T) => unknown,
): Field<readonly T[]> {
  return {
    numbers: [number],
    absent: [],
    read: (field, before) => {
      if (field.wire !== WIRE.bytes) return before;
      const values = before.length === 0 ? [] : (before as T[]); // grows in place: a copy for each would be quadratic
      values.push(read(field));
      return values;
    },
    write: (values) => concatBytes(...values.map((value) => bytesField(number, write(value)))),
    fromJson: (value) => json.arrayOf(value).map(fromJson),
    toJson: (values) => (values.length === 0 ? undefined : values.map(toJson)),
  };
}

/** One of several messages, left in its bytes. Several parts are to be merged: mostly there is one. */
export interface OneOf {
  readonly number: number;
  readonly parts: readonly Bytes[];
}

/** `oneof name { … }` of messages: the last one counts, and the same one again is merged into it. */
export function oneOf(numbers: readonly number[]): Field<OneOf | undefined> {
  return {
    numbers,
    absent: undefined,
    read: (field, before) => {
      if (field.wire !== WIRE.bytes) return before;
      if (before?.number !== field.number) return { number: field.number, parts: [copyOf(field)] };
      (before.parts as Bytes[]).push(copyOf(field));
      return before;
    },
    write: (value) => (value === undefined ? EMPTY : bytesField(value.number, concatBytes(...value.parts))),
    fromJson: () => {
      throw new MeshError('ERR_PROTOBUF', 'protobuf message of this kind has no JSON form here; send it as bytes');
    },
    toJson: () => undefined,
  };
}

/** @throws ERR_PROTOBUF for a string that is not UTF-8. */
export function protobufText(bytes: Bytes): string {
  try {
    return textOfUtf8(bytes);
  } catch {
    throw new MeshError('ERR_PROTOBUF', 'protobuf message has a string that is not UTF-8');
  }
}
