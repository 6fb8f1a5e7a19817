import { type Bytes, textOfUtf8 } from '../base/bytes.ts';
import type { ErrorCode } from '../base/error-codes.ts';
import { isMeshError, MeshError } from '../base/errors.ts';
import { CHUNK_BYTES_MAX, CHUNK_RECORDS_MAX, type NewRecord, type RecordStore } from '../ports/record-store.ts';
import { CsvReader, type CsvRow, checkHeader } from './csv-reader.ts';
import { isBlankLine, LineSplitter } from './line-splitter.ts';
import { parseRecord, parseRecordJson } from './record.ts';
import { parseJsonLine } from './signed-line.ts';

export type ImportFormat = 'jsonl' | 'csv';

/** Refusals that are listed; the rest is only counted. */
export const IMPORT_ERRORS_MAX = 100;

export interface ImportError {
  /** From 1; of a CSV row the line on which it begins. */
  readonly line: number;
  readonly code: ErrorCode;
}

export interface ImportResult {
  readonly imported: number;
  readonly refused: number;
  /** The first {@link IMPORT_ERRORS_MAX}, in the order of lines within a chunk. */
  readonly errors: readonly ImportError[];
}

type Parsed =
  | { readonly line: number; readonly record: NewRecord }
  | { readonly line: number; readonly error: unknown };

export interface ImportListener {
  /** A chunk was added. */
  readonly onProgress?: (imported: number) => void;
  /** The input failed before its end: what became of the lines that had come whole. */
  readonly onCut?: (result: ImportResult) => void;
}

/**
 * Reads records and adds them, a chunk at a time; what cannot be read, or is known already, is refused by line and the
 * rest is kept. Memory: a chunk.
 *
 * @throws what the input throws, after the whole lines before it have been added; ERR_RECORD_HEADER for CSV without its
 * header, before anything was added; what the store throws, after which the chunks before are kept.
 */
export async function importRecords(
  store: RecordStore,
  input: AsyncIterable<Bytes>,
  format: ImportFormat,
  { onProgress, onCut }: ImportListener = {},
): Promise<ImportResult> {
  const importer = new Importer(store, onProgress);
  let cutBy: unknown;
  const heard = heeding(input, (error) => (cutBy = error));
  try {
    for await (const parsed of format === 'csv' ? parsedRows(heard) : parsedLines(heard)) {
      if ('record' in parsed) await importer.add(parsed.line, parsed.record);
      else importer.refuse(parsed.line, parsed.error);
    }
  } catch (error) {
    if (cutBy === undefined || error !== cutBy) throw error;
    const result = await importer.finish();
    onCut?.(result);
    throw error;
  }
  return importer.finish();
}

/** Tells the failures of the input from those of who reads it. */
async function* heeding(input: AsyncIterable<Bytes>, onError: (error: unknown) => void): AsyncGenerator<Bytes> {
  try {
    yield* input;
  } catch (error) {
    onError(error);
    throw error;
  }
}

class Importer {
  readonly #store: RecordStore;
  readonly #onProgress: ((imported: number) => void) | undefined;
  readonly #errors: ImportError[] = [];
  #records: NewRecord[] = [];
  #lines: number[] = [];
  #bytes = 0;
  #imported = 0;
  #refused = 0;

  constructor(store: RecordStore, onProgress: ((imported: number) => void) | undefined) {
    this.#store = store;
    this.#onProgress = onProgress;
  }

  async add(line: number, record: NewRecord): Promise<void> {
    this.#records.push(record);
    this.#lines.push(line);
    this.#bytes += record.message.length;
    if (this.#records.length >= CHUNK_RECORDS_MAX || this.#bytes >= CHUNK_BYTES_MAX) await this.#flush();
  }

  refuse(line: number, error: unknown): void {
    if (!isMeshError(error)) throw error;
    this.#refused++;
    if (this.#errors.length < IMPORT_ERRORS_MAX) this.#errors.push({ line, code: error.code });
  }

  async finish(): Promise<ImportResult> {
    await this.#flush();
    const errors = this.#errors.toSorted((a, b) => a.line - b.line);
    return { imported: this.#imported, refused: this.#refused, errors };
  }

  async #flush(): Promise<void> {
    const [records, lines] = [this.#records, this.#lines];
    this.#records = [];
    this.#lines = [];
    this.#bytes = 0;
    if (records.length === 0) return;
    for (const [i, isAdded] of (await this.#store.add(records)).entries()) {
      if (isAdded) this.#imported++;
      else this.refuse(lines[i] as number, new MeshError('ERR_RECORD_DUPLICATE', 'the id is known already'));
    }
    this.#onProgress?.(this.#imported);
  }
}

/** A line is a record, or an array of records; blank lines are nothing. */
async function* parsedLines(input: AsyncIterable<Bytes>): AsyncGenerator<Parsed> {
  const splitter = new LineSplitter();
  for await (const piece of input) for (const line of splitter.push(piece)) yield* parsedLine(line);
  for (const line of splitter.end()) yield* parsedLine(line);
}

function* parsedLine({ line, bytes }: { line: number; bytes: Bytes | undefined }): Generator<Parsed> {
  if (bytes === undefined) {
    yield { line, error: new MeshError('ERR_RECORD_MESSAGE', 'the line is too long') };
    return;
  }
  if (isBlankLine(bytes)) return;
  let value: unknown;
  try {
    value = parseJsonLine(bytes);
  } catch (error) {
    yield { line, error };
    return;
  }
  for (const item of Array.isArray(value) ? (value as readonly unknown[]) : [value])
    yield parsed(line, () => parseRecordJson(item));
}

async function* parsedRows(input: AsyncIterable<Bytes>): AsyncGenerator<Parsed> {
  const reader = new CsvReader();
  let isHeaderRead = false;
  const readRow = (row: CsvRow): Parsed | undefined => {
    if (isHeaderRead) return isBlank(row) ? undefined : parsed(row.line, () => recordOf(row));
    checkHeader(row);
    isHeaderRead = true;
    return undefined;
  };
  for await (const piece of input)
    for (const row of reader.push(piece)) {
      const read = readRow(row);
      if (read !== undefined) yield read;
    }
  for (const row of reader.end()) {
    const read = readRow(row);
    if (read !== undefined) yield read;
  }
  if (!isHeaderRead) checkHeader(undefined);
}

function isBlank({ fields }: CsvRow): boolean {
  return fields?.length === 1 && fields[0]?.length === 0;
}

function recordOf({ fields }: CsvRow): NewRecord {
  const [id, msg] = fields ?? [];
  if (fields?.length !== 2 || id === undefined || msg === undefined)
    throw new MeshError('ERR_RECORD_MALFORMED', 'expected two fields, quoted as RFC 4180 says');
  return parseRecord(decoded(id), decoded(msg));
}

function decoded(field: Bytes): string {
  try {
    return textOfUtf8(field);
  } catch {
    throw new MeshError('ERR_RECORD_UTF8', 'the field is not valid UTF-8');
  }
}

function parsed(line: number, read: () => NewRecord): Parsed {
  try {
    return { line, record: read() };
  } catch (error) {
    return { line, error };
  }
}
