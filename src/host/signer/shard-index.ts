/**
 * Records in an index. 8 bytes each: 64 MiB at most. A run over more signs these and leaves the rest to a next pass,
 * which the driver of the run begins by itself.
 */
export const INDEX_RECORDS_MAX = 8_000_000;

/** Which records belong to which batch of a run, by the store's numbers of them. */
export class ShardIndex {
  readonly runId: string;
  readonly batchCount: number;
  readonly #batches: number[][];
  #records = 0;

  constructor(runId: string, batchCount: number) {
    this.runId = runId;
    this.batchCount = batchCount;
    this.#batches = Array.from({ length: batchCount }, () => []);
  }

  /** @returns false where the index is full and did not take it. */
  add(sequence: number, shardHash: number): boolean {
    if (this.#records >= INDEX_RECORDS_MAX) return false;
    this.#records++;
    this.#batches[shardHash % this.batchCount]?.push(sequence);
    return true;
  }

  sequencesOf(batchId: number): readonly number[] {
    return this.#batches[batchId] ?? [];
  }
}
