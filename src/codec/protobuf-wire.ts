import { type Bytes, concatBytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';

/** What a field's value is on the wire; groups (3, 4) are deprecated and only ever skipped. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

/** Field numbers have 29 bits. */
export const FIELD_NUMBER_MAX = 536_870_911;

/** Octets of a varint: ten times seven bits hold 64. */
export const VARINT_BYTES_MAX = 10;

/**
 * Depth of groups in groups and messages in messages. 100 is what the other implementations of Protocol Buffers take by
 * default, bar Go's 10 000; a real event has nine levels. Deeper input is refused before the stack is at stake.
 */
export const PROTOBUF_DEPTH_MAX = 100;

/**
 * Reads the fields of one message in their order. Strict where the Go implementation is, which River's nodes run, and
 * nowhere else: a varint of 64 bits may be longer than it need be; a field number of 0, the wire types 6 and 7, an end
 * of a group that has none, and a length beyond the end are refused.
 *
 * Allocates nothing by what a length says: values are views of the input.
 */
export class ProtobufReader {
  readonly #bytes: Bytes;
  readonly #depth: number;
  #at = 0;
  #number = 0;
  #wire = 0;
  #varint = 0n;
  #value: Bytes;

  /** @param depth how many messages this one lies in. */
  constructor(bytes: Bytes, depth = 0) {
    if (depth > PROTOBUF_DEPTH_MAX) throw malformed(`is deeper than ${PROTOBUF_DEPTH_MAX} levels`);
    this.#bytes = bytes;
    this.#depth = depth;
    this.#value = bytes.subarray(0, 0);
  }

  /** Goes to the next field. @returns `false` at the end. @throws ERR_PROTOBUF for what is no field. */
  next(): boolean {
    if (this.#at === this.#bytes.length) return false;
    this.#tag();
    if (this.#wire === WIRE.groupEnd) throw malformed('ends a group that has no start');
    this.#skip(this.#depth);
    return true;
  }

  get depth(): number {
    return this.#depth;
  }

  get number(): number {
    return this.#number;
  }

  get wire(): number {
    return this.#wire;
  }

  /** Where the wire type is varint: the value, in [0, 2^64). */
  get varint(): bigint {
    return this.#varint;
  }

  /** Where the wire type is bytes: a view of the input. */
  get bytes(): Bytes {
    return this.#value;
  }

  #tag(): void {
    const tag = this.#readVarint();
    const number = tag >> 3n;
    if (number === 0n || number > FIELD_NUMBER_MAX) throw malformed(`has the field number ${number}`);
    this.#number = Number(number);
    this.#wire = Number(tag & 7n);
  }

  /** Past the value of the field whose tag has been read; of varints and bytes it is kept. */
  #skip(depth: number): void {
    switch (this.#wire) {
      case WIRE.varint:
        this.#varint = this.#readVarint();
        return;
      case WIRE.fixed64:
        this.#take(8);
        return;
      case WIRE.fixed32:
        this.#take(4);
        return;
      case WIRE.bytes: {
        const length = this.#readVarint();
        if (length > BigInt(this.#bytes.length - this.#at)) throw malformed('ends inside a field');
        this.#value = this.#take(Number(length));
        return;
      }
      case WIRE.groupStart:
        this.#skipGroup(depth + 1);
        return;
      default:
        throw malformed(`has the wire type ${this.#wire}`);
    }
  }

  #skipGroup(depth: number): void {
    if (depth > PROTOBUF_DEPTH_MAX) throw malformed(`is deeper than ${PROTOBUF_DEPTH_MAX} levels`);
    const start = this.#number;
    for (;;) {
      if (this.#at === this.#bytes.length) throw malformed('ends inside a group');
      this.#tag();
      if (this.#wire !== WIRE.groupEnd) {
        this.#skip(depth);
        continue;
      }
      if (this.#number !== start) throw malformed(`ends group ${this.#number} inside group ${start}`);
      this.#wire = WIRE.groupStart;
      return;
    }
  }

  #take(length: number): Bytes {
    if (length > this.#bytes.length - this.#at) throw malformed('ends inside a field');
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  #readVarint(): bigint {
    const { value, end } = readVarint(this.#bytes, this.#at);
    this.#at = end;
    return value;
  }
}

/** A varint that starts at `at`. @throws ERR_PROTOBUF for one that does not end, or has more than 64 bits. */
export function readVarint(bytes: Bytes, at: number): { readonly value: bigint; readonly end: number } {
  let value = 0n;
  for (let i = 0; i < VARINT_BYTES_MAX; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) throw malformed('ends inside a varint');
    if (i === VARINT_BYTES_MAX - 1 && byte > 1) break;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value, end: at + i + 1 };
  }
  throw malformed('has a varint of more than 64 bits');
}

/** `tag ‖ varint` */
export function varintField(number: number, value: bigint): Bytes {
  return concatBytes(varint(BigInt(number) << 3n), varint(BigInt.asUintN(64, value)));
}

/** `tag ‖ length ‖ bytes` */
export function bytesField(number: number, bytes: Bytes): Bytes {
  return concatBytes(varint((BigInt(number) << 3n) | 2n), varint(BigInt(bytes.length)), bytes);
}

function varint(value: bigint): Bytes {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Uint8Array.from(out);
}

function malformed(what: string): MeshError {
  return new MeshError('ERR_PROTOBUF', `protobuf message ${what}`);
}
