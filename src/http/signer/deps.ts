import type { Bytes } from '../../base/bytes.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RecordStore, Run } from '../../ports/record-store.ts';
import type { BatchOrder } from '../../signer/sign-batch.ts';
import type { SigningOutcome } from '../../signer/sign-selection.ts';
import type { Caller } from './credential.ts';

/** What is written down of callers. */
export type SignerAction = 'records-added' | 'run-begun' | 'run-joined';

export type SignerAuditDetail = Readonly<Record<string, string | number | readonly number[]>>;

/** What the endpoints of the signer stand on. */
export interface SignerDeps {
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly ringSize: number;
  /** Begins a run with these keys of the ring, or joins the one that goes on. */
  readonly startRun: (
    batchSize: number,
    keyIndexes: readonly number[],
  ) => Promise<{ readonly run: Run; readonly isNew: boolean }>;
  readonly untilEnded: (runId: string) => Promise<Run>;
  /** Signs a batch on this replica; waits where several are under way. */
  readonly signBatch: (order: Omit<BatchOrder, 'owner'>) => Promise<SigningOutcome>;
  /** Who may call; a single one where only this machine can, and shows no token. */
  readonly callers: readonly Caller[] | Caller;
  /** Writes down who did what, before it is answered. */
  readonly audit: (caller: string, action: SignerAction, detail: SignerAuditDetail) => void;
  /** SHA-256 of what replicas show each other. */
  readonly clusterSecretHash: Bytes;
}
