import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { Bytes } from '../../base/bytes.ts';
import { MeshError, quotedPath } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { PAYLOAD } from '../../message/river/envelope.ts';
import type { BlockSummary, StoredBlock, StoredEvent, StoredStream, StreamStore } from '../../ports/stream-store.ts';
import type { SqlValue } from './change-journal.ts';
import { GroupCommit } from './group-commit.ts';
import { closeDatabase, guarded, openDatabase, type WhenMissing } from './database.ts';
import { STREAM_DATABASE } from './stream-schema.ts';

type Row = Readonly<Record<string, SQLOutputValue>>;

const EVENT_COLUMNS = 'hash, signature, event, payload';

/** The {@link StreamStore} of one machine: an SQLite file. Changes of different streams share commits. */
export class SqliteStreamStore implements StreamStore {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #commits: GroupCommit;
  readonly #statements: ReturnType<typeof prepare>;

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    this.#commits = new GroupCommit(database, path);
    this.#statements = prepare(database);
  }

  /** @throws ERR_STATE_CORRUPT; ERR_STATE_FOREIGN for another program's file. */
  static open(path: string, whenMissing: WhenMissing): SqliteStreamStore {
    const database = openDatabase(path, STREAM_DATABASE, whenMissing);
    return guarded(path, () => new SqliteStreamStore(path, database));
  }

  async totals(): Promise<{ readonly streams: number; readonly bytes: number }> {
    const row = this.#get(this.#statements.totals);
    return { streams: this.#number(row, 'streams'), bytes: this.#number(row, 'bytes') };
  }

  async find(id: Bytes): Promise<StoredStream | undefined> {
    const row = this.#get(this.#statements.find, id);
    if (row === undefined) return undefined;
    const [events, bytes] = [this.#number(row, 'events'), this.#number(row, 'bytes')];
    return { id, creator: this.#bytes(row, 'creator'), events, bytes };
  }

  create(id: Bytes, creator: Bytes, events: readonly StoredEvent[], block: StoredBlock): Promise<boolean> {
    return this.#commits.run(async () => {
      const { insertStream, insertEvent, count } = this.#statements;
      if (this.#change(insertStream, id, creator) === 0) return false;
      const stream = this.#key(id);
      for (const { hash, signature, event, payload } of events) {
        this.#change(insertEvent, stream, hash, signature, event, payload, block.timestamp, block.number);
        this.#change(count, octets(hash, signature, event), stream);
      }
      this.#insertBlock(stream, block);
      return true;
    });
  }

  add(id: Bytes, { hash, signature, event, payload }: StoredEvent, at: UnixMs): Promise<boolean> {
    return this.#commits.run(async () => {
      const { insertEvent, count } = this.#statements;
      const stream = this.#key(id);
      if (this.#change(insertEvent, stream, hash, signature, event, payload, at, null) === 0) return false;
      this.#change(count, octets(hash, signature, event), stream);
      return true;
    });
  }

  async has(id: Bytes, hash: Bytes): Promise<boolean> {
    return this.#get(this.#statements.has, id, hash) !== undefined;
  }

  addBlock(id: Bytes, block: StoredBlock, count: number): Promise<void> {
    return this.#commits.run(async () => {
      const stream = this.#key(id);
      const changes = this.#change(this.#statements.putIntoBlock, block.number, stream, count);
      if (changes !== count) throw new MeshError('ERR_INTERNAL', `block of ${count} events found ${changes}`);
      this.#insertBlock(stream, block);
    });
  }

  async lastBlocks(id: Bytes, max: number): Promise<readonly BlockSummary[]> {
    return this.#all(this.#statements.lastBlocks, id, max)
      .map((row) => ({
        number: this.#number(row, 'number'),
        hash: this.#bytes(row, 'hash'),
        timestamp: this.#number(row, 'timestamp') as UnixMs,
      }))
      .toReversed();
  }

  async blocks(id: Bytes, from: number) {
    return this.#all(this.#statements.blocks, id, from).map((row) => {
      const number = this.#number(row, 'number');
      const block = {
        number,
        header: { ...this.#envelope(row), payload: PAYLOAD.miniblockHeader },
        timestamp: this.#number(row, 'timestamp') as UnixMs,
      };
      const events = this.#all(this.#statements.eventsOfBlock, id, number).map((event) => this.#event(event));
      return { block, events };
    });
  }

  async pool(id: Bytes): Promise<readonly StoredEvent[]> {
    return this.#all(this.#statements.pool, id).map((row) => this.#event(row));
  }

  async firstEvent(id: Bytes): Promise<StoredEvent | undefined> {
    const row = this.#get(this.#statements.firstEvent, id);
    return row === undefined ? undefined : this.#event(row);
  }

  async eventsOf(id: Bytes, payload: number): Promise<readonly StoredEvent[]> {
    return this.#all(this.#statements.eventsOf, id, payload).map((row) => this.#event(row));
  }

  async hasStreamOf(creator: Bytes): Promise<boolean> {
    return this.#get(this.#statements.hasStreamOf, creator) !== undefined;
  }

  async walletEpochs(): Promise<readonly Bytes[]> {
    return this.#all(this.#statements.walletEpochs).map((row) => this.#bytes(row, 'statement'));
  }

  putWalletEpoch(address: Bytes, below: UnixMs, statement: Bytes): Promise<void> {
    return this.#commits.run(async () => {
      this.#change(this.#statements.putWalletEpoch, address, below, statement);
    });
  }

  async pooled(): Promise<readonly Bytes[]> {
    return this.#all(this.#statements.pooled).map((row) => this.#bytes(row, 'id'));
  }

  async close(): Promise<void> {
    await this.#commits.close();
    closeDatabase(this.#database, this.#path);
  }

  #insertBlock(stream: number, { number, header, timestamp }: StoredBlock): void {
    const { hash, signature, event } = header;
    this.#change(this.#statements.insertBlock, stream, number, hash, signature, event, timestamp);
  }

  /** @returns how many rows it changed. */
  #change(statement: StatementSync, ...values: SqlValue[]): number {
    return Number(this.#commits.changes.run(statement, values).changes);
  }

  #key(id: Bytes): number {
    return this.#number(this.#statements.key.get(id), 'stream');
  }

  #get(statement: StatementSync, ...values: (Bytes | number)[]): Row | undefined {
    return guarded(this.#path, () => statement.get(...values));
  }

  #all(statement: StatementSync, ...values: (Bytes | number)[]): readonly Row[] {
    return guarded(this.#path, () => statement.all(...values));
  }

  #event(row: Row): StoredEvent {
    return { ...this.#envelope(row), payload: this.#number(row, 'payload') };
  }

  #envelope(row: Row): Pick<StoredEvent, 'hash' | 'signature' | 'event'> {
    const [hash, signature] = [this.#bytes(row, 'hash'), this.#bytes(row, 'signature')];
    return { hash, signature, event: this.#bytes(row, 'event') };
  }

  #bytes(row: Row, column: string): Bytes {
    const value = row[column];
    if (!(value instanceof Uint8Array)) throw this.#damaged(column);
    return value;
  }

  #number(row: Row | undefined, column: string): number {
    const value = row?.[column];
    if (typeof value !== 'number') throw this.#damaged(column);
    return value;
  }

  #damaged(column: string): MeshError {
    return new MeshError(
      'ERR_STATE_CORRUPT',
      `state file ${quotedPath(this.#path)}: column ${column} is not what was written`,
      STREAM_DATABASE.remedy,
    );
  }
}

function octets(...parts: readonly Bytes[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function prepare(database: DatabaseSync) {
  const ofStream = 'stream = (SELECT stream FROM streams WHERE id = ?)';
  return {
    totals: database.prepare('SELECT count(*) AS streams, coalesce(sum(bytes), 0) AS bytes FROM streams'),
    find: database.prepare('SELECT creator, events, bytes FROM streams WHERE id = ?'),
    key: database.prepare('SELECT stream FROM streams WHERE id = ?'),
    insertStream: database.prepare(
      'INSERT INTO streams (id, creator, events, bytes) VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING',
    ),
    insertEvent: database.prepare(
      `INSERT INTO events (stream, ${EVENT_COLUMNS}, added_at, block) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (stream, hash) DO NOTHING`,
    ),
    count: database.prepare('UPDATE streams SET events = events + 1, bytes = bytes + ? WHERE stream = ?'),
    insertBlock: database.prepare(
      'INSERT INTO blocks (stream, number, hash, signature, event, timestamp) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    putIntoBlock: database.prepare(
      `UPDATE events SET block = ? WHERE sequence IN
       (SELECT sequence FROM events WHERE stream = ? AND block IS NULL ORDER BY sequence LIMIT ?)`,
    ),
    has: database.prepare(`SELECT 1 FROM events WHERE ${ofStream} AND hash = ?`),
    lastBlocks: database.prepare(
      `SELECT number, hash, timestamp FROM blocks WHERE ${ofStream} ORDER BY number DESC LIMIT ?`,
    ),
    blocks: database.prepare(
      `SELECT number, hash, signature, event, timestamp FROM blocks WHERE ${ofStream} AND number >= ? ORDER BY number`,
    ),
    eventsOfBlock: database.prepare(
      `SELECT ${EVENT_COLUMNS} FROM events WHERE ${ofStream} AND block = ? ORDER BY sequence`,
    ),
    pool: database.prepare(`SELECT ${EVENT_COLUMNS} FROM events WHERE ${ofStream} AND block IS NULL ORDER BY sequence`),
    firstEvent: database.prepare(`SELECT ${EVENT_COLUMNS} FROM events WHERE ${ofStream} ORDER BY sequence LIMIT 1`),
    eventsOf: database.prepare(
      `SELECT ${EVENT_COLUMNS} FROM events WHERE ${ofStream} AND payload = ? ORDER BY sequence`,
    ),
    hasStreamOf: database.prepare('SELECT 1 FROM streams WHERE creator = ? LIMIT 1'),
    walletEpochs: database.prepare('SELECT statement FROM wallet_epochs'),
    putWalletEpoch: database.prepare(
      `INSERT INTO wallet_epochs (address, below, statement) VALUES (?, ?, ?)
       ON CONFLICT (address) DO UPDATE SET below = excluded.below, statement = excluded.statement
       WHERE excluded.below > below`,
    ),
    pooled: database.prepare(
      'SELECT id FROM streams WHERE stream IN (SELECT DISTINCT stream FROM events WHERE block IS NULL)',
    ),
  };
}
