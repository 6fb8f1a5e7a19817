import { bytesEqual, toHex } from '../../../src/base/bytes.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import { RECORD_SIGNATURE_BYTES, SALT_BYTES } from '../../../src/ports/batch-signer.ts';
import type {
  FoundRecord,
  NewRecord,
  RecordCounts,
  RecordStore,
  Run,
  Selection,
  SignedChunk,
  SignedRecord,
  StoredOutcome,
  UnsignedChunk,
} from '../../../src/ports/record-store.ts';
import { ChunkBuilder } from '../../../src/signer/chunk-builder.ts';
import { saltText } from '../../../src/signer/salt.ts';
import { shardHashOf } from '../../../src/signer/shard.ts';

interface Lease {
  readonly owner: string;
  readonly until: UnixMs;
}

/** A {@link RecordStore} without a disk, with the two collections of the seed, which other programs may write too. */
export class MemoryRecordStore implements RecordStore {
  /** Unsigned; may hold an id twice, as a collection filled by another program may. */
  readonly records: NewRecord[] = [];
  readonly signedRecords = new Map<string, SignedRecord>();
  readonly conflicts: NewRecord[] = [];
  readonly #leases = new Map<string, Lease>();
  #run: Run | undefined;

  async add(records: readonly NewRecord[]): Promise<readonly boolean[]> {
    return records.map((record) => {
      const isKnown = this.signedRecords.has(record.id) || this.records.some(({ id }) => id === record.id);
      if (!isKnown) this.records.push(record);
      return !isKnown;
    });
  }

  async counts(): Promise<RecordCounts> {
    const byKey = new Map<string, number>();
    for (const { publicKey } of this.signedRecords.values())
      byKey.set(toHex(publicKey), (byKey.get(toHex(publicKey)) ?? 0) + 1);
    const { size: signed } = this.signedRecords;
    return { signed, unsigned: this.records.length, conflicts: this.conflicts.length, byKey };
  }

  async find(id: string): Promise<FoundRecord | undefined> {
    const signed = this.signedRecords.get(id);
    if (signed !== undefined) return { tag: 'signed', record: signed };
    const unsigned = this.records.find((record) => record.id === id);
    return unsigned && { tag: 'unsigned', record: unsigned };
  }

  async beginRun(run: Run, now: UnixMs): Promise<Run> {
    if (this.#run !== undefined && this.#run.endedAt === undefined && this.#run.driverUntil > now) return this.#run;
    this.#leases.clear();
    this.#run = run;
    return run;
  }

  async currentRun(): Promise<Run | undefined> {
    return this.#run;
  }

  async driveRun(runId: string, driver: string, now: UnixMs, lifeMs: number): Promise<boolean> {
    const run = this.#run;
    if (run?.runId !== runId || run.endedAt !== undefined) return false;
    if (run.driver !== driver && run.driverUntil > now) return false;
    this.#run = { ...run, driver, driverUntil: (now + lifeMs) as UnixMs };
    return true;
  }

  async endRun(runId: string, now: UnixMs, failed: number): Promise<void> {
    if (this.#run?.runId !== runId || this.#run.endedAt !== undefined) return;
    this.#run = { ...this.#run, endedAt: now, failed };
    this.#leases.clear();
  }

  async leaseBatch(runId: string, batchId: number, owner: string, now: UnixMs, lifeMs: number): Promise<boolean> {
    const name = `${runId} ${batchId}`;
    const lease = this.#leases.get(name);
    if (lease !== undefined && lease.owner !== owner && lease.until > now) return false;
    this.#leases.set(name, { owner, until: (now + lifeMs) as UnixMs });
    return true;
  }

  async releaseBatch(runId: string, batchId: number, owner: string): Promise<void> {
    const name = `${runId} ${batchId}`;
    if (this.#leases.get(name)?.owner === owner) this.#leases.delete(name);
  }

  async *unsigned({ batchId, batchCount }: Selection): AsyncIterable<UnsignedChunk> {
    const builder = new ChunkBuilder<NewRecord>();
    for (const record of this.records.slice()) {
      const shardHash = shardHashOf(record.id);
      if (batchId !== undefined && shardHash % batchCount !== batchId) continue;
      if (!this.records.includes(record)) continue;
      builder.add(record, shardHash, record.message);
      if (builder.isFull) yield builder.take();
    }
    if (!builder.isEmpty) yield builder.take();
  }

  async storeSigned({ chunk, publicKeys, keyIndexes, salts, signatures }: SignedChunk): Promise<StoredOutcome> {
    let signed = 0;
    let conflicts = 0;
    for (const [i, record] of (chunk.handle as readonly NewRecord[]).entries()) {
      const at = this.records.indexOf(record);
      if (at === -1) continue;
      const known = this.signedRecords.get(record.id);
      if (known === undefined) {
        this.signedRecords.set(record.id, {
          ...record,
          salt: saltText(salts.slice(i * SALT_BYTES, (i + 1) * SALT_BYTES)),
          signature: signatures.slice(i * RECORD_SIGNATURE_BYTES, (i + 1) * RECORD_SIGNATURE_BYTES),
          publicKey: publicKeys[keyIndexes[i] as number] as Uint8Array,
        });
        signed++;
      } else if (!bytesEqual(known.message, record.message)) {
        this.conflicts.push(record);
        conflicts++;
      }
      this.records.splice(at, 1);
    }
    return { signed, conflicts };
  }

  async *signed(): AsyncIterable<readonly SignedRecord[]> {
    if (this.signedRecords.size > 0) yield Array.from(this.signedRecords.values());
  }

  async close(): Promise<void> {}
}
