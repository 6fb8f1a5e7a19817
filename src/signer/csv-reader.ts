import type { Bytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { LINE_BYTES_MAX } from './line-splitter.ts';

/** One record of a CSV file: its fields as bytes, still to be decoded. */
export interface CsvRow {
  /** The line on which it begins, from 1. */
  readonly line: number;
  /** `undefined` where the row breaks RFC 4180 or is longer than {@link LINE_BYTES_MAX}. */
  readonly fields: readonly Bytes[] | undefined;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const CR = 0x0d;
const LF = 0x0a;

type State = 'field-start' | 'plain' | 'quoted' | 'quote-in-quoted' | 'row-ending' | 'broken';

/**
 * Reads CSV (RFC 4180) piece by piece: quoted fields may hold commas, quotes (doubled) and line ends. A broken row is
 * skipped up to its line end. Memory: one row.
 */
export class CsvReader {
  #state: State = 'field-start';
  #fields: Bytes[] = [];
  #field = new Uint8Array(256);
  #fieldLength = 0;
  #rowBytes = 0;
  #line = 1;
  #rowLine = 1;

  *push(piece: Bytes): Generator<CsvRow> {
    for (const byte of piece) {
      const row = this.#step(byte);
      if (row !== undefined) yield row;
    }
  }

  *end(): Generator<CsvRow> {
    if (this.#rowBytes === 0) return;
    if (this.#state === 'quoted') this.#state = 'broken';
    yield this.#endRow();
  }

  #step(byte: number): CsvRow | undefined {
    if (byte === LF) this.#line++;
    if (++this.#rowBytes > LINE_BYTES_MAX) this.#state = 'broken';
    switch (this.#state) {
      case 'field-start':
        if (byte === QUOTE) {
          this.#state = 'quoted';
          return undefined;
        }
        this.#state = 'plain';
        return this.#plain(byte);
      case 'plain':
        if (byte === QUOTE) this.#state = 'broken';
        return this.#plain(byte);
      case 'quoted':
        if (byte === QUOTE) this.#state = 'quote-in-quoted';
        else this.#append(byte);
        return undefined;
      case 'quote-in-quoted':
        if (byte === QUOTE) {
          this.#state = 'quoted';
          this.#append(byte);
          return undefined;
        }
        if (byte !== COMMA && byte !== LF && byte !== CR) this.#state = 'broken';
        return this.#plain(byte);
      case 'row-ending':
        if (byte === LF) return this.#endRow();
        this.#state = 'broken'; // a carriage return by itself ends no row, and dropping it would change the message
        return undefined;
      case 'broken':
        return byte === LF ? this.#endRow() : undefined;
    }
  }

  #plain(byte: number): CsvRow | undefined {
    if (byte === LF) return this.#endRow();
    if (byte === COMMA) this.#endField();
    else if (byte === CR) this.#state = 'row-ending';
    else this.#append(byte);
    return undefined;
  }

  #append(byte: number): void {
    if (this.#fieldLength === this.#field.length) {
      const longer = new Uint8Array(2 * this.#field.length);
      longer.set(this.#field);
      this.#field = longer;
    }
    this.#field[this.#fieldLength++] = byte;
  }

  #endField(): void {
    this.#fields.push(this.#field.slice(0, this.#fieldLength));
    this.#fieldLength = 0;
    this.#state = 'field-start';
  }

  #endRow(): CsvRow {
    const isBroken = this.#state === 'broken';
    this.#endField();
    const row = { line: this.#rowLine, fields: isBroken ? undefined : this.#fields };
    this.#fields = [];
    this.#rowBytes = 0;
    this.#rowLine = this.#line;
    return row;
  }
}

/** @throws ERR_RECORD_HEADER unless the first row is `id,msg`: a file without a header would lose its first record. */
export function checkHeader(row: CsvRow | undefined): void {
  const names = row?.fields?.map((field) => new TextDecoder().decode(field)); // drops a byte order mark
  if (names?.length === 2 && names[0] === 'id' && names[1] === 'msg') return;
  throw new MeshError(
    'ERR_RECORD_HEADER',
    'the first line of the CSV is not its header',
    'begin the file with: id,msg',
  );
}
