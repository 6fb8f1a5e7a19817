import { type Bytes, textOfUtf8 } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';

const MAJOR_NAMES = [
  'an unsigned integer',
  'a negative integer',
  'bytes',
  'text',
  'an array',
  'a map',
  'a tag',
  'a simple value',
];

function refuse(what: string, offset: number): never {
  throw new MeshError('ERR_CBOR', `CBOR: ${what} at byte ${offset}`);
}

/**
 * Reads core deterministic CBOR (RFC 8949 section 4.2.1) item by item, in the order in which the caller expects it.
 *
 * Every value has one accepted encoding: heads in their shortest form, definite lengths, UTF-8 text, no floats.
 * What was read therefore needs no second encoding to compare with. Nothing is allocated by a length that the
 * input claims, depth is the depth of the calling code, and every refusal is an `ERR_CBOR`.
 *
 * Byte strings are views of the input, not copies.
 */
export class CborReader {
  readonly #input: Bytes;
  #offset: number;

  constructor(input: Bytes, offset = 0) {
    this.#input = input;
    this.#offset = offset;
  }

  /** Where the next item starts. */
  get offset(): number {
    return this.#offset;
  }

  /** True where all has been read. */
  get done(): boolean {
    return this.#offset >= this.#input.length;
  }

  /** @returns an integer in `[0, 2^53)`. */
  uint(): number {
    return this.#head(0);
  }

  /** @returns an integer in `(-2^53, 2^53)`. */
  int(): number {
    return this.#major() === 1 ? -1 - this.#head(1) : this.#head(0);
  }

  /** Whether the next item is text. */
  get isText(): boolean {
    return this.#major() === 3;
  }

  /** @param lengthMax longer strings are refused. */
  bytes(lengthMax: number): Bytes {
    return this.#string(2, lengthMax);
  }

  /** Bytes of one exact length: hashes, keys, ids. */
  bytesOf(length: number): Bytes {
    const start = this.#offset;
    const value = this.#string(2, length);
    if (value.length !== length) refuse(`expected ${length} bytes`, start);
    return value;
  }

  /** @param bytesMax longer text is refused. */
  text(bytesMax: number): string {
    const start = this.#offset;
    const bytes = this.#string(3, bytesMax);
    try {
      return textOfUtf8(bytes);
    } catch {
      return refuse('text is not UTF-8', start);
    }
  }

  /** Enters an array and tells how many items follow. */
  array(countMax: number): number {
    const start = this.#offset;
    const count = this.#head(4);
    if (count > countMax) refuse(`array of ${count}, expected at most ${countMax}`, start);
    return count;
  }

  /** Enters an array of exactly `count` items. */
  arrayOf(count: number): void {
    const start = this.#offset;
    if (this.#head(4) !== count) refuse(`expected an array of ${count}`, start);
  }

  /** Enters a map and tells how many pairs follow; the caller reads the keys in their one order. */
  map(countMax: number): number {
    const start = this.#offset;
    const count = this.#head(5);
    if (count > countMax) refuse(`map of ${count}, expected at most ${countMax}`, start);
    return count;
  }

  /** Reads the tag `number`, and nothing else. */
  tag(number: number): void {
    const start = this.#offset;
    if (this.#head(6) !== number) refuse(`expected tag ${number}`, start);
  }

  bool(): boolean {
    const start = this.#offset;
    const byte = this.#input[this.#offset];
    if (byte !== 0xf4 && byte !== 0xf5) refuse('expected true or false', start);
    this.#offset++;
    return byte === 0xf5;
  }

  /** Reads null where null comes next. */
  nullish(): boolean {
    if (this.#input[this.#offset] !== 0xf6) return false;
    this.#offset++;
    return true;
  }

  /** Nothing may follow. */
  end(): void {
    if (this.#offset !== this.#input.length) refuse('trailing bytes', this.#offset);
  }

  #major(): number {
    const byte = this.#input[this.#offset];
    if (byte === undefined) refuse('input ends', this.#offset);
    return byte >> 5;
  }

  #string(major: number, lengthMax: number): Bytes {
    const start = this.#offset;
    const length = this.#head(major);
    if (length > lengthMax) refuse(`${MAJOR_NAMES[major]} of ${length} bytes, expected at most ${lengthMax}`, start);
    if (this.#offset + length > this.#input.length) refuse('input ends inside a string', start);
    const value = this.#input.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return value;
  }

  #head(major: number): number {
    const input = this.#input;
    const start = this.#offset;
    const first = input[start];
    if (first === undefined) refuse('input ends', start);
    if (first >> 5 !== major) refuse(`expected ${MAJOR_NAMES[major]}`, start);
    const low = first & 31;
    if (low < 24) {
      this.#offset = start + 1;
      return low;
    }
    if (low > 27) refuse('indefinite or reserved length', start);
    const size = 1 << (low - 24);
    if (start + 1 + size > input.length) refuse('input ends', start);
    let value = 0;
    for (let i = 1; i <= size; i++) value = value * 256 + (input[start + i] as number);
    const least = size === 1 ? 24 : size === 2 ? 0x100 : size === 4 ? 0x1_0000 : 0x1_0000_0000;
    if (value < least) refuse('not the shortest form', start);
    if (value > Number.MAX_SAFE_INTEGER) refuse('integer beyond 2^53', start);
    this.#offset = start + 1 + size;
    return value;
  }
}
