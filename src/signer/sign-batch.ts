import { MeshError } from '../base/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { MalformedRecord } from '../ports/record-store.ts';
import { keyIndexOf, ringFingerprint } from './key-ring.ts';
import type { BatchCall } from './plan.ts';
import { type SigningDeps, type SigningOutcome, signSelection } from './sign-selection.ts';

/**
 * How long a batch is its worker's without word. A worker that dies holds its batch up for so long; one that is slower
 * than that between two chunks shares it with another, which costs work and harms nothing.
 */
export const LEASE_MS = 10_000;
const LEASE_WORD_MS = 3_000;

export interface BatchDeps extends SigningDeps {
  readonly clock: Clock;
  /** Told of records that cannot be signed. */
  readonly onMalformed?: (records: readonly MalformedRecord[]) => void;
}

export interface BatchOrder extends BatchCall {
  readonly runId: string;
  /** Fingerprint of the ring that the driver of the run has. */
  readonly ring: string;
  /** Names this very call. */
  readonly owner: string;
}

/**
 * Signs one batch of the current run.
 * @throws ERR_RING_DIFFERS, ERR_RUN_DIFFERS, ERR_BATCH_LEASED: the caller knows something else than this replica, and
 * nothing was signed.
 */
export async function signBatch(deps: BatchDeps, order: BatchOrder): Promise<SigningOutcome> {
  const { store, signer, clock } = deps;
  const { runId, batchId, batchCount, owner } = order;
  if (order.ring !== ringFingerprint(signer.publicKeys))
    throw new MeshError('ERR_RING_DIFFERS', 'this replica has another key ring than the caller');
  const run = await store.currentRun();
  if (run === undefined || run.runId !== runId || run.endedAt !== undefined || run.batchCount !== batchCount)
    throw new MeshError('ERR_RUN_DIFFERS', `the run of batch ${batchId} is not the one that goes on`);
  if (order.keyIndex !== keyIndexOf(batchId, run.keyIndexes))
    throw new MeshError('ERR_RING_DIFFERS', `batch ${batchId} is signed with another key of the ring`);
  if (!(await store.leaseBatch(runId, batchId, owner, clock.wall(), LEASE_MS)))
    throw new MeshError('ERR_BATCH_LEASED', `another worker has batch ${batchId}`);
  let wordAt = clock.monotonic();
  try {
    return await signSelection(deps, {
      selection: { runId, batchCount, batchId },
      keyIndexesOf: ({ shardHashes }) => new Uint16Array(shardHashes.length).fill(order.keyIndex),
      ...(deps.onMalformed === undefined ? {} : { onMalformed: deps.onMalformed }),
      onStored: () => {
        if (clock.monotonic() - wordAt < LEASE_WORD_MS) return;
        wordAt = clock.monotonic();
        void store.leaseBatch(runId, batchId, owner, clock.wall(), LEASE_MS).catch(() => undefined);
      },
    });
  } finally {
    await store.releaseBatch(runId, batchId, owner).catch(() => undefined); // else it runs out
  }
}
