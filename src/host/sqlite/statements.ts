import type { DatabaseSync, StatementSync, SQLOutputValue } from 'node:sqlite';
import { fromHex } from '../../base/bytes.ts';
import { MeshError, quotedPath } from '../../base/errors.ts';
import { Slab } from '../../base/slab.ts';
import type { UnixMs } from '../../base/time.ts';
import type { ChangeJournal, SqlValue } from './change-journal.ts';

/** Statements on one database; each is compiled once, at its first use. */
export class Statements {
  readonly path: string;
  readonly changes: ChangeJournal;
  readonly #database: DatabaseSync;
  readonly #compiled = new Map<string, StatementSync>();
  readonly #slab = new Slab();

  constructor(database: DatabaseSync, path: string, changes: ChangeJournal) {
    this.#database = database;
    this.path = path;
    this.changes = changes;
  }

  /** Hex as the octets that are kept of it. @throws ERR_INPUT */
  octets(hex: string): Uint8Array {
    return fromHex(hex, this.#slab.take(hex.length >> 1));
  }

  one(sql: string, ...values: SqlValue[]): Row | undefined {
    const row = this.#statement(sql).get(...values);
    return row === undefined ? undefined : new Row(row, this.path);
  }

  all(sql: string, ...values: SqlValue[]): Row[] {
    return this.#statement(sql)
      .all(...values)
      .map((row) => new Row(row, this.path));
  }

  run(sql: string, ...values: SqlValue[]): void {
    this.changes.run(this.#statement(sql), values);
  }

  /** Adds a row. @returns its place, where the table has places. */
  insert(sql: string, ...values: SqlValue[]): number {
    return Number(this.changes.run(this.#statement(sql), values).lastInsertRowid);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#compiled.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#compiled.set(sql, statement);
    }
    return statement;
  }
}

/** One row as SQLite gave it, read column by column with the type that the schema promises. */
export class Row {
  readonly #values: Record<string, SQLOutputValue>;
  readonly #path: string;

  constructor(values: Record<string, SQLOutputValue>, path: string) {
    this.#values = values;
    this.#path = path;
  }

  text(column: string): string {
    const value = this.#values[column];
    return typeof value === 'string' ? value : this.#damaged(column);
  }

  number(column: string): number {
    const value = this.#values[column];
    return typeof value === 'number' ? value : this.#damaged(column);
  }

  bytes(column: string): Uint8Array {
    const value = this.#values[column];
    return value instanceof Uint8Array ? value : this.#damaged(column);
  }

  hex(column: string): string {
    return this.bytes(column).toHex();
  }

  at(column: string): UnixMs {
    return this.number(column) as UnixMs;
  }

  textOrNone(column: string): string | undefined {
    return this.#values[column] === null ? undefined : this.text(column);
  }

  numberOrNone(column: string): number | undefined {
    return this.#values[column] === null ? undefined : this.number(column);
  }

  atOrNone(column: string): UnixMs | undefined {
    return this.#values[column] === null ? undefined : this.at(column);
  }

  isNone(column: string): boolean {
    return this.#values[column] === null;
  }

  words(column: string): string[] {
    const value = this.text(column);
    return value === '' ? [] : value.split(' ');
  }

  json(column: string): unknown {
    try {
      return JSON.parse(this.text(column));
    } catch {
      return this.#damaged(column);
    }
  }

  #damaged(column: string): never {
    throw new MeshError(
      'ERR_STATE_CORRUPT',
      `state file ${quotedPath(this.#path)}: column ${column} has an impossible value`,
    );
  }
}

/** Reads the row, where there is one. */
export function some<T>(read: (row: Row) => T, row: Row | undefined): T | undefined {
  return row === undefined ? undefined : read(row);
}
