import type { Bytes } from '../../base/bytes.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RecordStore, Run } from '../../ports/record-store.ts';
import type { BatchOrder } from '../../signer/sign-batch.ts';
import type { SigningOutcome } from '../../signer/sign-selection.ts';
import type { HttpApp } from '../server.ts';
import type { SignerAction, SignerAuditDetail } from './audit.ts';
import type { Caller } from './credential.ts';
import { getAlive } from './get-alive.ts';
import { getBatch } from './get-batch.ts';
import { getRecord } from './get-record.ts';
import { getSign } from './get-sign.ts';
import { getStats } from './get-stats.ts';
import { postRecords } from './post-records.ts';

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

/** All endpoints of the signer (seed 004), one file each: parse → act → render. */
export function addSignerRoutes(app: HttpApp, deps: SignerDeps): void {
  for (const add of [getAlive, getSign, getStats, getBatch, postRecords, getRecord]) add(app, deps);
}
