import { type Bytes, utf8 } from '../base/bytes.ts';

/** Longer text is encoded faster by the encoder. @tuning */
const ASCII_CHARS_MAX = 64;

const MAJOR_UINT = 0;
const MAJOR_NEGATIVE = 1;
const MAJOR_BYTES = 2;
const MAJOR_TEXT = 3;
const MAJOR_ARRAY = 4;
const MAJOR_MAP = 5;
const MAJOR_TAG = 6;

/** Bytes of the head of an item with this value or length: for writers whose length is known before. */
export function headBytes(value: number): number {
  if (value < 24) return 1;
  return value < 0x100 ? 2 : value < 0x1_0000 ? 3 : value < 0x1_0000_0000 ? 5 : 9;
}

/**
 * Writes core deterministic CBOR (RFC 8949 section 4.2.1): shortest heads, definite lengths, no floats.
 *
 * The caller writes map entries in the bytewise order of their encoded keys: this project's maps have fixed
 * keys, so the order is in the code that writes them, and {@link CborReader} refuses any other.
 */
export class CborWriter {
  #buffer: Bytes;
  #length = 0;

  constructor(bytesExpected = 256) {
    this.#buffer = new Uint8Array(bytesExpected);
  }

  /** @param value an integer in `[0, 2^53)`. */
  uint(value: number): this {
    return this.#head(MAJOR_UINT, value);
  }

  /** @param value an integer in `(-2^53, 2^53)`. */
  int(value: number): this {
    return value >= 0 ? this.#head(MAJOR_UINT, value) : this.#head(MAJOR_NEGATIVE, -1 - value);
  }

  bytes(value: Bytes): this {
    return this.#head(MAJOR_BYTES, value.length).raw(value);
  }

  text(value: string): this {
    if (value.length <= ASCII_CHARS_MAX && this.#ascii(value)) return this;
    const bytes = utf8(value);
    return this.#head(MAJOR_TEXT, bytes.length).raw(bytes);
  }

  /** Starts an array: exactly `count` items follow. */
  array(count: number): this {
    return this.#head(MAJOR_ARRAY, count);
  }

  /** Starts a map: exactly `count` keys, each with its value, follow, in bytewise order of the encoded keys. */
  map(count: number): this {
    return this.#head(MAJOR_MAP, count);
  }

  tag(number: number): this {
    return this.#head(MAJOR_TAG, number);
  }

  bool(value: boolean): this {
    return this.#byte(value ? 0xf5 : 0xf4);
  }

  null(): this {
    return this.#byte(0xf6);
  }

  /** Appends bytes that are CBOR already. */
  raw(value: Bytes): this {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** What has been written, as bytes of their own: the last call. Not copied where the length was expected exactly. */
  finish(): Bytes {
    return this.#length === this.#buffer.length ? this.#buffer : this.#buffer.slice(0, this.#length);
  }

  /** What has been written, not copied: good until more is. */
  get written(): Bytes {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Most text is short and plain, and not worth a call of the encoder. @returns false for any other, untouched. */
  #ascii(value: string): boolean {
    const before = this.#length;
    this.#head(MAJOR_TEXT, value.length);
    this.#reserve(value.length);
    const buffer = this.#buffer;
    const start = this.#length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.#length = before;
        return false;
      }
      buffer[start + i] = code;
    }
    this.#length = start + value.length;
    return true;
  }

  #byte(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
    return this;
  }

  #head(major: number, value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`CBOR head: ${value} is no safe integer >= 0`);
    this.#reserve(headBytes(value));
    const buffer = this.#buffer;
    const type = major << 5;
    if (value < 24) {
      buffer[this.#length++] = type | value;
      return this;
    }
    const size = headBytes(value) - 1;
    buffer[this.#length++] = type | (size === 1 ? 24 : size === 2 ? 25 : size === 4 ? 26 : 27);
    let rest = value;
    for (let i = size - 1; i >= 0; i--) {
      buffer[this.#length + i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.#length += size;
    return this;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(this.#length + more, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}
