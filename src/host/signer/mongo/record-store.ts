import {
  BSON,
  type Collection,
  type Db,
  type Document,
  MongoClient,
  type MongoClientOptions,
  MongoError,
} from 'mongodb';
import { textOfUtf8 } from '../../../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../../../base/errors.ts';
import type { UnixMs } from '../../../base/time.ts';
import {
  CHUNK_BYTES_MAX,
  CHUNK_RECORDS_MAX,
  type FoundRecord,
  type MalformedRecord,
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
import { parseRecordJson } from '../../../signer/record.ts';
import { shardHashOf } from '../../../signer/shard.ts';
import { parseSignedRecord } from '../../../signer/signed-line.ts';
import { LENIENT, type ReadDocument, type RecordDocument, readDocument } from './document.ts';
import { ensureUniqueIds } from './indexes.ts';
import { MongoRuns } from './runs.ts';
import { insertNew, storeSigned } from './transfer.ts';
import { ShardIndex } from '../shard-index.ts';

/** Records in the index of a run: some 150 bytes each, 300 MiB. A run over more leaves the rest to the next one. */
export const MONGO_INDEX_RECORDS_MAX = 2_000_000;
/** A database that is gone is told after so long; the caller tries again. */
export const SERVER_MS_MAX = 5_000;

/** How a database is spoken to. The address may say how long one that is gone is waited for. */
export function mongoOptionsOf(url: string): MongoClientOptions {
  return {
    appName: 'chainmail',
    ...(/[?&]serverSelectionTimeoutMS=/.test(url) ? {} : { serverSelectionTimeoutMS: SERVER_MS_MAX }),
    writeConcern: { w: 'majority', journal: true },
    readConcern: { level: 'majority' },
  };
}

/**
 * The {@link RecordStore} of many machines: a database of the MongoDB protocol with the collections and members of
 * seed 004, `records` and `signedrecords`, so that what the original service left is signed as it is. Beside them lie
 * `conflicts`, `signerruns` and `signerleases`.
 *
 * A signature is inserted, unique by id and acknowledged by the majority, before its record is deleted; the deletion
 * names the message that was signed. A crash between the two leaves the record in both, and the next run deletes it.
 */
export class MongoRecordStore implements RecordStore {
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #runs: MongoRuns;
  readonly #isUnique: boolean;
  #index: Promise<ShardIndex<unknown>> | undefined;
  #indexName = '';

  private constructor(client: MongoClient, isUnique: boolean) {
    this.#client = client;
    this.#db = client.db();
    this.#runs = new MongoRuns(this.#db);
    this.#isUnique = isUnique;
  }

  /** @throws ERR_STORE where no server answers, or the signed records hold an id twice; ERR_USAGE for a wrong address. */
  static async open(url: string): Promise<MongoRecordStore> {
    let client: MongoClient;
    try {
      client = new MongoClient(url, mongoOptionsOf(url));
    } catch {
      throw new MeshError('ERR_USAGE', 'the store is no mongodb:// address'); // whose password stays out of the message
    }
    try {
      return await guarded(async () => {
        const db = client.db();
        if (!(await ensureUniqueIds(db.collection('signedrecords'), true)))
          throw new MeshError(
            'ERR_STORE',
            'the collection signedrecords holds an id twice',
            'another program wrote that: take one of the two elsewhere',
          );
        return new MongoRecordStore(client, await ensureUniqueIds(db.collection('records'), false));
      });
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  add(records: readonly NewRecord[]): Promise<readonly boolean[]> {
    return guarded(async () => {
      const known = new Set<string>();
      const ids = records.map(({ id }) => id);
      for (const name of this.#isUnique ? ['signedrecords'] : ['signedrecords', 'records'])
        for await (const { id } of this.#of(name).find({ id: { $in: ids } }, { projection: { id: 1 }, ...LENIENT }))
          known.add(String(id));
      const positions: number[] = [];
      for (const [i, { id }] of records.entries()) {
        if (known.has(id)) continue;
        known.add(id);
        positions.push(i);
      }
      const added = records.map(() => false);
      const documents = positions.map((i) => {
        const { id, message } = records[i] as NewRecord;
        return { id, msg: textOfUtf8(message) };
      });
      const refused = await insertNew(this.#of('records'), documents);
      for (const [at, i] of positions.entries()) added[i] = !refused.has(at);
      return added;
    });
  }

  counts(): Promise<RecordCounts> {
    return guarded(async () => {
      const byKey = new Map<string, number>();
      let signed = 0;
      const groups = this.#of('signedrecords').aggregate([{ $group: { _id: '$key', n: { $sum: 1 } } }]);
      for await (const { _id: key, n } of groups) {
        signed += Number(n);
        const name = /^0x([0-9a-f]{130})$/.exec(String(key).toLowerCase())?.[1]; // else another program's
        if (name !== undefined) byKey.set(name, Number(n) + (byKey.get(name) ?? 0));
      }
      const unsigned = await this.#of('records').countDocuments();
      const conflicts = await this.#of('conflicts').countDocuments();
      return { signed, unsigned, conflicts, byKey };
    });
  }

  find(id: string): Promise<FoundRecord | undefined> {
    return guarded(async () => {
      const signed = await this.#of('signedrecords').findOne({ id });
      if (signed !== null) return { tag: 'signed', record: parseSignedRecord(signed) } as const;
      const unsigned = await this.#of('records').findOne({ id });
      return unsigned === null ? undefined : ({ tag: 'unsigned', record: parseRecordJson(unsigned) } as const);
    });
  }

  beginRun(run: Run, now: UnixMs): Promise<Run> {
    return guarded(() => this.#runs.begin(run, now));
  }

  currentRun(): Promise<Run | undefined> {
    return guarded(() => this.#runs.current());
  }

  driveRun(runId: string, driver: string, now: UnixMs, lifeMs: number): Promise<boolean> {
    return guarded(() => this.#runs.drive(runId, driver, now, lifeMs));
  }

  endRun(runId: string, now: UnixMs, failed: number): Promise<void> {
    this.#index = undefined;
    return guarded(() => this.#runs.end(runId, now, failed));
  }

  leaseBatch(runId: string, batchId: number, owner: string, now: UnixMs, lifeMs: number): Promise<boolean> {
    return guarded(() => this.#runs.lease(runId, batchId, owner, now, lifeMs));
  }

  releaseBatch(runId: string, batchId: number, owner: string): Promise<void> {
    return guarded(() => this.#runs.release(runId, batchId, owner));
  }

  async *unsigned(selection: Selection): AsyncIterable<UnsignedChunk> {
    const builder = new ChunkBuilder<RecordDocument>();
    for await (const read of this.#documents(selection)) {
      if (read.tag === 'malformed') builder.addMalformed(read.malformed);
      else {
        const { value: record, document, bytes } = read;
        builder.add({ record, document }, shardHashOf(record.id), record.message, bytes);
      }
      if (builder.isFull) yield builder.take();
    }
    if (!builder.isEmpty) yield builder.take();
  }

  storeSigned(signed: SignedChunk): Promise<StoredOutcome> {
    return guarded(() => storeSigned(this.#db, signed));
  }

  async *signed(onMalformed?: (record: MalformedRecord) => void): AsyncIterable<readonly SignedRecord[]> {
    let part: SignedRecord[] = [];
    let bytes = 0;
    const cursor = this.#of('signedrecords').find({}, { batchSize: CHUNK_RECORDS_MAX, raw: true });
    for await (const read of readEach(cursor, parseSignedRecord)) {
      if (read.tag === 'malformed') {
        onMalformed?.(read.malformed);
        continue;
      }
      bytes += read.bytes;
      if (part.push(read.value) < CHUNK_RECORDS_MAX && bytes < CHUNK_BYTES_MAX) continue;
      yield part;
      part = [];
      bytes = 0;
    }
    if (part.length > 0) yield part;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #of(collection: string): Collection {
    return this.#db.collection(collection);
  }

  async *#documents({ runId, batchCount, batchId }: Selection): AsyncIterable<ReadDocument<NewRecord>> {
    if (batchId === undefined) {
      yield* readEach(this.#of('records').find({}, { batchSize: CHUNK_RECORDS_MAX, raw: true }), parseRecordJson);
      return;
    }
    const references = (await this.#indexFor(runId, batchCount)).of(batchId);
    for (let from = 0; from < references.length; from += CHUNK_RECORDS_MAX) {
      const part = references.slice(from, from + CHUNK_RECORDS_MAX);
      yield* readEach(this.#of('records').find({ _id: { $in: part } } as Document, { raw: true }), parseRecordJson);
    }
  }

  /**
   * Which records make which batch. No index of the database can answer that for ids of any form and any count, so each
   * replica reads all ids once a run.
   */
  #indexFor(runId: string, batchCount: number): Promise<ShardIndex<unknown>> {
    const name = `${runId} ${batchCount}`;
    if (this.#index !== undefined && this.#indexName === name) return this.#index;
    this.#indexName = name;
    const index = this.#readIndex(runId, batchCount);
    this.#index = index;
    index.catch(() => {
      if (this.#index === index) this.#index = undefined; // the next batch tries again
    });
    return index;
  }

  async #readIndex(runId: string, batchCount: number): Promise<ShardIndex<unknown>> {
    const index = new ShardIndex<unknown>(runId, batchCount, MONGO_INDEX_RECORDS_MAX);
    const options = { projection: { id: 1, Id: 1 }, batchSize: 10 * CHUNK_RECORDS_MAX, ...LENIENT };
    const cursor = this.#of('records').find({}, options);
    for await (const document of guardedEach(cursor)) {
      const id: unknown = document['id'] ?? document['Id'];
      // What has no id at all belongs to the first batch, which counts it as failed.
      if (!index.add(document['_id'], typeof id === 'string' ? shardHashOf(id) : 0)) break;
    }
    return index;
  }
}

/** What the driver throws, in our words. */
async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeError(error);
  }
}

async function* guardedEach(cursor: AsyncIterable<Document>): AsyncGenerator<Document> {
  try {
    yield* cursor;
  } catch (error) {
    throw storeError(error);
  }
}

async function* readEach<T>(
  cursor: AsyncIterable<Document>,
  parse: (document: Document) => T,
): AsyncGenerator<ReadDocument<T>> {
  for await (const raw of guardedEach(cursor)) yield readDocument(raw as unknown as Uint8Array, parse);
}

function storeError(error: unknown): unknown {
  if (error instanceof BSON.BSONError)
    return new MeshError('ERR_RECORD_UTF8', `record store: ${messageOf(error)}`, undefined, { cause: error });
  if (!(error instanceof MongoError) && !isOfSocket(error)) return error;
  return new MeshError('ERR_STORE', `record store: ${messageOf(error).split('\n')[0]}`, undefined, { cause: error });
}

/**
 * A connection that breaks while it is written to gives the error of the socket itself, with a code and perhaps without a
 * system call: one that the other side has ended fails before it makes any. What is wrong with our own calls has a code
 * too, and is a bug.
 */
function isOfSocket(error: unknown): boolean {
  if (!(error instanceof Error) || isMeshError(error)) return false;
  const isBug = error instanceof TypeError || error instanceof RangeError;
  return !isBug && 'code' in error && typeof error.code === 'string';
}
