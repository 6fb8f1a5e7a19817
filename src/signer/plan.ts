import type { UnixMs } from '../base/time.ts';
import { MeshError } from '../base/errors.ts';
import type { Run, UnsignedChunk } from '../ports/record-store.ts';
import { keyIndexOf } from './key-ring.ts';

/** Records in a batch. One call signs a batch, and a call should not last minutes even where only WebAssembly signs. */
export const BATCH_SIZE_MAX = 1_000_000;
/** Batches in a run: with more, a run is mostly calls. 65,536 batches of 1,000 are 65 million records. */
export const RUN_BATCHES_MAX = 65_536;

/** @throws ERR_INPUT unless `text` is a whole number from 1 to {@link BATCH_SIZE_MAX}. */
export function parseBatchSize(text: string): number {
  return parseWhole('size', text, 1, BATCH_SIZE_MAX);
}

/** Into how many batches the records are split. */
export function batchCountFor(unsigned: number, batchSize: number): number {
  return Math.min(Math.ceil(unsigned / batchSize), RUN_BATCHES_MAX);
}

/** What `/batch/:batchId/:batchCount/:key` names. @throws ERR_INPUT where a number is none, or beyond its bound. */
export function parseBatchCall(batchId: string, batchCount: string, key: string, ringSize: number): BatchCall {
  const count = parseWhole('batchCount', batchCount, 1, RUN_BATCHES_MAX);
  return {
    batchCount: count,
    batchId: parseWhole('batchId', batchId, 0, count - 1),
    keyIndex: parseWhole('key', key, 0, ringSize - 1),
  };
}

export interface BatchCall {
  readonly batchId: number;
  readonly batchCount: number;
  /** Index into the ring; key material never travels. */
  readonly keyIndex: number;
}

/** Which key signs each record of a chunk that mixes batches: that of the record's own batch. */
export function keyIndexesOf(
  chunk: UnsignedChunk,
  batchCount: number,
  keyIndexes: readonly number[],
): Uint16Array<ArrayBuffer> {
  const indexes = new Uint16Array(chunk.shardHashes.length);
  for (let i = 0; i < indexes.length; i++)
    indexes[i] = keyIndexOf((chunk.shardHashes[i] as number) % batchCount, keyIndexes);
  return indexes;
}

/** Records a second over a run, as far as it has come; 0 where there was none. */
export function rateOf(run: Run | undefined, signedNow: number, now: UnixMs): number {
  if (run === undefined) return 0;
  const elapsedMs = Math.max(1, (run.endedAt ?? now) - run.startedAt);
  return Math.round(((signedNow - run.signedAtStart) * 1_000) / elapsedMs);
}

function parseWhole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^[0-9]{1,10}$/.test(text) || value < min || value > max)
    throw new MeshError('ERR_INPUT', `${name}: expected a whole number from ${min} to ${max}`);
  return value;
}
