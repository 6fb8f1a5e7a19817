import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { type Bytes, textOfUtf8, toHex, utf8 } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import type { UnixMs } from '../../../base/time.ts';
import { RECORD_SIGNATURE_BYTES, SALT_BYTES } from '../../../ports/batch-signer.ts';
import {
  CHUNK_BYTES_MAX,
  CHUNK_RECORDS_MAX,
  type FoundRecord,
  type NewRecord,
  type RecordCounts,
  type RecordStore,
  type Run,
  type Selection,
  type SignedChunk,
  type SignedRecord,
  type StoredOutcome,
  type UnsignedChunk,
} from '../../../ports/record-store.ts';
import { ChunkBuilder } from '../../../signer/chunk-builder.ts';
import { saltText } from '../../../signer/salt.ts';
import { shardHashOf } from '../../../signer/shard.ts';
import { closeDatabase, guarded, openDatabase, stateError } from '../../sqlite/database.ts';
import { KeySlots } from './key-slots.ts';
import { ShardIndex } from '../shard-index.ts';
import { SIGNER_DATABASE } from './schema.ts';
import { prepareStatements, type SignerStatements } from './statements.ts';
import { SqliteRuns } from './runs.ts';

/** Memory for pages: an index over a million ids fits, so that adding one does not read the disk. */
const CACHE_KIB = 64 * 1024;

/** Records in the index of a run: 8 bytes each, 64 MiB. `signer sign` reads in order and needs no index. */
export const SQLITE_INDEX_RECORDS_MAX = 8_000_000;

/** Fewer consecutive records than this are stored one by one: unpacking with a query has a price of its own. @tuning */
const STRETCH_RECORDS_MIN = 8;

type Row = Readonly<Record<string, SQLOutputValue>>;

/**
 * The {@link RecordStore} of one machine: an SQLite file, written in transactions of a chunk, each on the disk before
 * its promise resolves. Calls block this thread for about a microsecond a record; signing goes on in other threads.
 */
export class SqliteRecordStore implements RecordStore {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements: SignerStatements;
  readonly #runs: SqliteRuns;
  readonly #slots: KeySlots;
  #index: ShardIndex<number> | undefined;

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    this.#statements = prepareStatements(database);
    this.#slots = new KeySlots(this.#statements);
    this.#runs = new SqliteRuns(this.#statements);
  }

  /** @throws ERR_STATE_CORRUPT; ERR_STATE_FOREIGN for another program's file. */
  static open(path: string): SqliteRecordStore {
    const database = openDatabase(path, SIGNER_DATABASE, 'create');
    return guarded(path, () => {
      database.exec(`PRAGMA cache_size=-${CACHE_KIB}`);
      return new SqliteRecordStore(path, database);
    });
  }

  async add(records: readonly NewRecord[]): Promise<readonly boolean[]> {
    return this.#transact(() => {
      const { insertRecord, addToCount } = this.#statements;
      const added = records.map(
        ({ id, message }) => insertRecord.run(utf8(id), shardHashOf(id), message).changes === 1,
      );
      addToCount.run(added.filter(Boolean).length, 'records');
      return added;
    });
  }

  async counts(): Promise<RecordCounts> {
    return this.#transact(() => {
      const { getCount, allKeys } = this.#statements;
      const records = Number(getCount.get('records')?.['value']);
      const signed = Number(getCount.get('signed')?.['value']);
      const byKey = new Map<string, number>();
      for (const row of allKeys.all())
        if (Number(row['signed']) > 0) byKey.set(toHex(this.#bytes(row, 'public_key')), Number(row['signed']));
      return { signed, unsigned: records - signed, conflicts: 0, byKey };
    });
  }

  async find(id: string): Promise<FoundRecord | undefined> {
    return guarded(this.#path, () => {
      const row = this.#statements.findRecord.get(utf8(id));
      if (row === undefined) return undefined;
      if (row['signature'] === null)
        return { tag: 'unsigned', record: { id, message: this.#bytes(row, 'message') } } as const;
      return { tag: 'signed', record: this.#signedRecord(row) } as const;
    });
  }

  async beginRun(run: Run, now: UnixMs): Promise<Run> {
    return this.#transact(() => this.#runs.begin(run, now));
  }

  async currentRun(): Promise<Run | undefined> {
    return guarded(this.#path, () => this.#runs.current());
  }

  async driveRun(runId: string, driver: string, now: UnixMs, lifeMs: number): Promise<boolean> {
    return this.#transact(() => this.#runs.drive(runId, driver, now, lifeMs));
  }

  async endRun(runId: string, now: UnixMs, failed: number): Promise<void> {
    this.#index = undefined;
    this.#transact(() => this.#runs.end(runId, now, failed));
  }

  async leaseBatch(runId: string, batchId: number, owner: string, now: UnixMs, lifeMs: number): Promise<boolean> {
    return this.#transact(() => this.#runs.lease(runId, batchId, owner, now, lifeMs));
  }

  async releaseBatch(runId: string, batchId: number, owner: string): Promise<void> {
    this.#transact(() => this.#runs.release(runId, batchId, owner));
  }

  async *unsigned(selection: Selection): AsyncIterable<UnsignedChunk> {
    const { batchId } = selection;
    if (batchId === undefined) yield* this.#unsignedInOrder();
    else yield* this.#unsignedOf(this.#indexFor(selection).of(batchId));
  }

  async storeSigned(signed: SignedChunk): Promise<StoredOutcome> {
    return this.#transact(() => {
      const slots = signed.publicKeys.map((key) => this.#slots.of(key));
      const sequences = signed.chunk.handle as readonly number[];
      const counted = new Array<number>(slots.length).fill(0);
      let stored = 0;
      for (let from = 0; from < sequences.length; ) {
        const to = endOfStretch(sequences, from);
        stored += this.#storeStretch(signed, slots, counted, from, to);
        from = to;
      }
      for (const [i, slot] of slots.entries())
        if (counted[i] !== 0) this.#statements.addToKey.run(counted[i] as number, slot);
      this.#statements.addToCount.run(stored, 'signed');
      return { signed: stored, conflicts: 0 };
    });
  }

  async *signed(): AsyncIterable<readonly SignedRecord[]> {
    for (let after = 0; ; ) {
      const part: SignedRecord[] = [];
      let bytes = 0;
      guarded(this.#path, () => {
        for (const row of this.#statements.signedAfter.iterate(after)) {
          after = Number(row['sequence']);
          const record = this.#signedRecord(row);
          bytes += record.message.length;
          if (part.push(record) >= CHUNK_RECORDS_MAX || bytes >= CHUNK_BYTES_MAX) break;
        }
      });
      if (part.length === 0) return;
      yield part;
    }
  }

  async close(): Promise<void> {
    closeDatabase(this.#database, this.#path);
  }

  *#unsignedInOrder(): Generator<UnsignedChunk> {
    const { getCount, setCount, unsignedAfter } = this.#statements;
    let after = Number(guarded(this.#path, () => getCount.get('signed_up_to'))?.['value']);
    let isFirst = true;
    for (;;) {
      const builder = new ChunkBuilder<number>();
      guarded(this.#path, () => {
        for (const [sequence, shardHash, message] of unsignedAfter(after)) {
          after = sequence;
          builder.add(sequence, shardHash, message);
          if (builder.isFull) break;
        }
      });
      if (builder.isEmpty) return;
      const chunk = builder.take();
      // All below the first unsigned record are signed: the next reader need not look at them.
      if (isFirst) this.#transact(() => setCount.run((chunk.handle[0] as number) - 1, 'signed_up_to'));
      isFirst = false;
      yield chunk;
    }
  }

  *#unsignedOf(sequences: Iterable<number>): Generator<UnsignedChunk> {
    const builder = new ChunkBuilder<number>();
    for (const sequence of sequences) {
      const row = guarded(this.#path, () => this.#statements.unsignedAt.get(sequence));
      if (row === undefined) continue; // signed meanwhile
      builder.add(sequence, Number(row['shard_hash']), this.#bytes(row, 'message'));
      if (builder.isFull) yield builder.take();
    }
    if (!builder.isEmpty) yield builder.take();
  }

  /** Which records make which batch, found out once a run: asking anew for each batch would read all of them. */
  #indexFor({ runId, batchCount }: Selection): ShardIndex<number> {
    if (this.#index?.isFor(runId, batchCount) === true) return this.#index;
    const index = new ShardIndex<number>(runId, batchCount, SQLITE_INDEX_RECORDS_MAX);
    guarded(this.#path, () => {
      for (const row of this.#statements.unsignedHashes.iterate())
        if (!index.add(Number(row['sequence']), Number(row['shard_hash']))) break;
    });
    this.#index = index;
    return index;
  }

  /** Stores what `[from, to)` of a chunk signed, consecutive records. @returns how many were not signed yet. */
  #storeStretch(signed: SignedChunk, slots: readonly Bytes[], counted: number[], from: number, to: number): number {
    const { keyIndexes, salts, signatures } = signed;
    const sequences = signed.chunk.handle as readonly number[];
    const count = to - from;
    if (count >= STRETCH_RECORDS_MIN) {
      const packedSlots = new Uint8Array(2 * count);
      for (let i = 0; i < count; i++) packedSlots.set(slots[keyIndexes[from + i] as number] as Bytes, 2 * i);
      this.#database.exec('SAVEPOINT stretch');
      const { changes } = this.#statements.insertStretch.run(
        sequences[from] as number,
        packedSlots,
        salts.subarray(from * SALT_BYTES, to * SALT_BYTES),
        signatures.subarray(from * RECORD_SIGNATURE_BYTES, to * RECORD_SIGNATURE_BYTES),
        count,
      );
      const isWhole = changes === count;
      this.#database.exec(isWhole ? 'RELEASE stretch' : 'ROLLBACK TO stretch; RELEASE stretch');
      if (isWhole) {
        for (let i = from; i < to; i++) counted[keyIndexes[i] as number]!++;
        return count;
      }
    }
    let stored = 0;
    for (let i = from; i < to; i++) {
      const { changes } = this.#statements.insertSignature.run(
        sequences[i] as number,
        slots[keyIndexes[i] as number] as Bytes,
        salts.subarray(i * SALT_BYTES, (i + 1) * SALT_BYTES),
        signatures.subarray(i * RECORD_SIGNATURE_BYTES, (i + 1) * RECORD_SIGNATURE_BYTES),
      );
      if (changes === 0) continue; // signed by somebody else: that signature stays
      counted[keyIndexes[i] as number]!++;
      stored++;
    }
    return stored;
  }

  #signedRecord(row: Row): SignedRecord {
    return {
      id: textOfUtf8(this.#bytes(row, 'id')),
      message: this.#bytes(row, 'message'),
      salt: saltText(this.#bytes(row, 'salt')),
      signature: this.#bytes(row, 'signature'),
      publicKey: this.#bytes(row, 'public_key'),
    };
  }

  #bytes(row: Row, column: string): Bytes {
    const value = row[column];
    if (value instanceof Uint8Array) return value;
    throw new MeshError('ERR_STATE_CORRUPT', `state file ${this.#path}: ${column} is no bytes`);
  }

  /** All or nothing, and on the disk. A slot that was handed out in what is undone is forgotten. */
  #transact<T>(work: () => T): T {
    return guarded(this.#path, () => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        this.#database.exec('COMMIT');
        return result;
      } catch (error) {
        this.#slots.forget();
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw stateError(this.#path, error);
      }
    });
  }
}

/** Where the consecutive numbers that begin at `from` end. */
function endOfStretch(sequences: readonly number[], from: number): number {
  let to = from + 1;
  while (to < sequences.length && to - from < CHUNK_RECORDS_MAX && sequences[to] === (sequences[to - 1] as number) + 1)
    to++;
  return to;
}
