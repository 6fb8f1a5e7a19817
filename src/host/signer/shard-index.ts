/** Which records belong to which batch of a run, by what the store knows them by. */
export class ShardIndex<Reference> {
  readonly runId: string;
  readonly batchCount: number;
  readonly #batches: Reference[][];
  readonly #recordsMax: number;
  #records = 0;

  /** @param recordsMax a run over more signs these; the rest stays unsigned, for the next run. */
  constructor(runId: string, batchCount: number, recordsMax: number) {
    this.runId = runId;
    this.batchCount = batchCount;
    this.#recordsMax = recordsMax;
    this.#batches = Array.from({ length: batchCount }, () => []);
  }

  /** @returns false where the index is full and did not take it. */
  add(reference: Reference, shardHash: number): boolean {
    if (this.#records >= this.#recordsMax) return false;
    this.#records++;
    this.#batches[shardHash % this.batchCount]?.push(reference);
    return true;
  }

  of(batchId: number): readonly Reference[] {
    return this.#batches[batchId] ?? [];
  }

  isFor(runId: string, batchCount: number): boolean {
    return this.runId === runId && this.batchCount === batchCount;
  }
}
