import { type BatchSigner, SALT_BYTES } from '../ports/batch-signer.ts';
import type { Random } from '../ports/random.ts';
import type { MalformedRecord, RecordStore, Selection, UnsignedChunk } from '../ports/record-store.ts';
import { markSalts } from './salt.ts';

export interface SigningDeps {
  readonly store: RecordStore;
  readonly signer: BatchSigner;
  readonly random: Random;
  /** Chunks under way at once: what they hold bounds the memory, see `CHUNK_BYTES_MAX`. */
  readonly lanes: number;
}

export interface SigningJob {
  readonly selection: Selection;
  /** Which key of the ring signs each record of a chunk. */
  readonly keyIndexesOf: (chunk: UnsignedChunk) => Uint16Array<ArrayBuffer>;
  /** Asked before each chunk; once true, what is under way is finished and nothing begun. */
  readonly isStopped?: () => boolean;
  readonly onStored?: (signed: number) => void;
  /** Told of records that cannot be signed. */
  readonly onMalformed?: (records: readonly MalformedRecord[]) => void;
}

/** What became of the records that were met. */
export interface SigningOutcome {
  readonly signed: number;
  readonly conflicts: number;
  /** Could not be signed, because another program wrote them so; they stay where they are. */
  readonly failed: number;
}

/**
 * Signs a selection of the unsigned records and stores the signatures, several chunks at a time: while one is signed in
 * other threads, others are read and stored here.
 *
 * Whenever it ends, and however, a record is either signed and durable or still unsigned.
 * @throws what the store or the signer threw first, after what was under way has settled.
 */
export async function signSelection(deps: SigningDeps, job: SigningJob): Promise<SigningOutcome> {
  const total = { signed: 0, conflicts: 0, failed: 0 };
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const chunk of deps.store.unsigned(job.selection)) {
    if (failures.length > 0 || job.isStopped?.() === true) break;
    if (chunk.malformed.length > 0) job.onMalformed?.(chunk.malformed);
    total.failed += chunk.malformed.length;
    const work = signChunk(deps, job, chunk)
      .then(({ signed, conflicts }) => {
        total.signed += signed;
        total.conflicts += conflicts;
        job.onStored?.(signed);
      })
      .catch((error: unknown) => void failures.push(error))
      .finally(() => underWay.delete(work));
    underWay.add(work);
    if (underWay.size >= deps.lanes) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
  return total;
}

async function signChunk({ store, signer, random }: SigningDeps, job: SigningJob, chunk: UnsignedChunk) {
  const keyIndexes = job.keyIndexesOf(chunk);
  const salts = markSalts(random.bytes(keyIndexes.length * SALT_BYTES));
  const { messages, offsets } = chunk;
  const signatures = await signer.sign({ messages, offsets, salts, keyIndexes });
  return store.storeSigned({ chunk, publicKeys: signer.publicKeys, keyIndexes, salts, signatures });
}
