import type { Bytes } from '../base/bytes.ts';
import type { ErrorCode } from '../base/error-codes.ts';
import type { UnixMs } from '../base/time.ts';

/** A record before signing: its id as text, its message as UTF-8. */
export interface NewRecord {
  readonly id: string;
  readonly message: Bytes;
}

/** A record after signing. */
export interface SignedRecord extends NewRecord {
  /** The 36 characters of a UUID where we made it; a foreign store may hold others. */
  readonly salt: string;
  /** r || s || v */
  readonly signature: Bytes;
  /** Uncompressed. */
  readonly publicKey: Bytes;
}

export type FoundRecord =
  | { readonly tag: 'unsigned'; readonly record: NewRecord }
  | { readonly tag: 'signed'; readonly record: SignedRecord };

/** Records in a chunk, and in a transaction: one fsync costs about as much as several hundred rows. */
export const CHUNK_RECORDS_MAX = 1_000;
/** Bytes of messages in a chunk. Four chunks are under way, so long messages take 32 MiB and not 4 GiB. */
export const CHUNK_BYTES_MAX = 8 * 1024 * 1024;

/** A record that another program wrote so that it cannot be read: it stays where it is. */
export interface MalformedRecord {
  /** What the store knows it by, as text. */
  readonly record: string;
  readonly code: ErrorCode;
}

/** Unsigned records as a store reads them, packed. */
export interface UnsignedChunk {
  /** The store's own notes about the records, for {@link RecordStore.storeSigned}. */
  readonly handle: unknown;
  readonly messages: Bytes;
  readonly offsets: Uint32Array<ArrayBuffer>;
  /** What decides the batch of each record: see `shardHashOf`. */
  readonly shardHashes: Uint32Array<ArrayBuffer>;
  /** Records that were met and cannot be signed. */
  readonly malformed: readonly MalformedRecord[];
}

export interface SignedChunk {
  readonly chunk: UnsignedChunk;
  readonly publicKeys: readonly Bytes[];
  /** Into `publicKeys`. */
  readonly keyIndexes: Uint16Array<ArrayBuffer>;
  readonly salts: Bytes;
  readonly signatures: Bytes;
}

/** What became of a signed chunk. What is in neither count had been signed by somebody else meanwhile. */
export interface StoredOutcome {
  readonly signed: number;
  /** Records whose id was signed before with another message. */
  readonly conflicts: number;
}

export interface RecordCounts {
  readonly signed: number;
  readonly unsigned: number;
  readonly conflicts: number;
  /** Signed records by public key, uncompressed, lower-case hex without 0x. */
  readonly byKey: ReadonlyMap<string, number>;
}

/** A pass over the unsigned records. There is at most one at a time in a store. */
export interface Run {
  readonly runId: string;
  readonly batchCount: number;
  /** The keys of the ring that sign, each in turn: those that whoever asked may use. */
  readonly keyIndexes: readonly number[];
  /** Of the public keys in order: replicas with another ring take no part. */
  readonly ringFingerprint: string;
  readonly startedAt: UnixMs;
  /** `undefined` while it goes on. */
  readonly endedAt: UnixMs | undefined;
  readonly signedAtStart: number;
  /** Records that could not be signed, told when it ended. */
  readonly failed: number;
  /** Who plans and calls the batches, and until when that is believed without word from it. */
  readonly driver: string;
  readonly driverUntil: UnixMs;
}

/** Which records a reader wants: all, or one batch of `batchCount`. */
export interface Selection {
  readonly runId: string;
  readonly batchCount: number;
  readonly batchId: number | undefined;
}

/**
 * Where records wait and where signed ones are kept. `signed + unsigned + conflicts` is what was added, whenever a
 * process dies: a record is unsigned until its signature is durable, and then it is signed, once.
 */
export interface RecordStore {
  /**
   * Durable when it resolves.
   * @returns for each record whether it was added; `false` where the id is known, signed or not, or came before.
   */
  add(records: readonly NewRecord[]): Promise<readonly boolean[]>;
  counts(): Promise<RecordCounts>;
  find(id: string): Promise<FoundRecord | undefined>;

  /** Makes `run` the current one, unless one goes on that its driver has been heard of. @returns the current one. */
  beginRun(run: Run, now: UnixMs): Promise<Run>;
  /** The one that goes on, or else the last. */
  currentRun(): Promise<Run | undefined>;
  /** Becomes or stays the driver. @returns false where the run has ended or another drives it. */
  driveRun(runId: string, driver: string, now: UnixMs, lifeMs: number): Promise<boolean>;
  endRun(runId: string, now: UnixMs, failed: number): Promise<void>;
  /** Takes the batch for `owner`; again for the same owner is an extension. @returns false where another has it. */
  leaseBatch(runId: string, batchId: number, owner: string, now: UnixMs, lifeMs: number): Promise<boolean>;
  releaseBatch(runId: string, batchId: number, owner: string): Promise<void>;

  /** Unsigned records, in chunks. What is stored meanwhile is met at most once. */
  unsigned(selection: Selection): AsyncIterable<UnsignedChunk>;
  /** Signatures of a chunk that `unsigned` of this store gave: kept, and the records no longer unsigned. Idempotent. */
  storeSigned(signed: SignedChunk): Promise<StoredOutcome>;
  /** @param onMalformed told of what another program wrote so that it cannot be read; it is left out. */
  signed(onMalformed?: (record: MalformedRecord) => void): AsyncIterable<readonly SignedRecord[]>;
  close(): Promise<void>;
}
