import { type Bytes, bytesEqual, concatBytes } from '../base/bytes.ts';
import { RECORD_MESSAGE_BYTES_MAX } from './record.ts';

/** Bytes of a line: the longest message with every byte escaped (six for one), and room for the rest. */
export const LINE_BYTES_MAX = 6 * RECORD_MESSAGE_BYTES_MAX + 64 * 1024;

const NEWLINE = 0x0a;

/** A line of the input; `undefined` bytes where it was longer than {@link LINE_BYTES_MAX}. */
export interface InputLine {
  /** From 1. */
  readonly line: number;
  readonly bytes: Bytes | undefined;
}

/** Whether there is nothing on a line but white space of JSON. */
export function isBlankLine(bytes: Bytes): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}

/** U+FEFF in UTF-8: what some programs write before the first line. It is no part of it (RFC 8259 section 8.1). */
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);

/**
 * Cuts bytes that come piece by piece into lines, without their line feeds and a byte order mark before the first.
 * Memory: one line.
 */
export class LineSplitter {
  readonly #parts: Bytes[] = [];
  #length = 0;
  #line = 1;

  *push(piece: Bytes): Generator<InputLine> {
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      yield this.#cut(piece.subarray(start, end));
      start = end + 1;
    }
    this.#keep(piece.subarray(start));
  }

  /** What follows the last line feed, where anything does. */
  *end(): Generator<InputLine> {
    if (this.#length > 0) yield this.#cut(new Uint8Array(0));
  }

  #cut(rest: Bytes): InputLine {
    this.#keep(rest);
    const isTooLong = this.#length > LINE_BYTES_MAX;
    const bytes = this.#parts.length === 1 ? (this.#parts[0] as Bytes) : concatBytes(...this.#parts);
    this.#parts.length = this.#length = 0;
    const line = this.#line++;
    if (isTooLong) return { line, bytes: undefined };
    const isMarked = line === 1 && bytesEqual(bytes.subarray(0, BYTE_ORDER_MARK.length), BYTE_ORDER_MARK);
    return { line, bytes: isMarked ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes };
  }

  #keep(part: Bytes): void {
    this.#length += part.length;
    if (this.#length > LINE_BYTES_MAX) this.#parts.length = 0;
    else if (part.length > 0) this.#parts.push(part);
  }
}
