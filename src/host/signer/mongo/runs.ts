import { type Collection, type Db, MongoServerError } from 'mongodb';
import type { UnixMs } from '../../../base/time.ts';
import type { Run } from '../../../ports/record-store.ts';

/** The one run of a store. Times are Unix milliseconds by the clocks of the replicas, which must agree to seconds. */
interface RunDocument {
  readonly _id: 'current';
  readonly run_id: string;
  readonly batch_count: number;
  readonly key_indexes: readonly number[];
  readonly ring_fingerprint: string;
  readonly started_at: number;
  readonly is_ended: boolean;
  readonly ended_at: number;
  readonly signed_at_start: number;
  readonly failed: number;
  readonly driver: string;
  readonly driver_until: number;
}

interface LeaseDocument {
  /** `RUN/BATCH` */
  readonly _id: string;
  readonly owner: string;
  readonly until: number;
}

const DUPLICATE_KEY = 11_000;

/** Runs and leases in a database of the MongoDB protocol; each step is one document's change, hence atomic. */
export class MongoRuns {
  readonly #runs: Collection<RunDocument>;
  readonly #leases: Collection<LeaseDocument>;

  constructor(db: Db) {
    this.#runs = db.collection('signerruns');
    this.#leases = db.collection('signerleases');
  }

  async begin(run: Run, now: UnixMs): Promise<Run> {
    const { _id, ...members } = documentOf(run);
    const free = { _id, $or: [{ is_ended: true }, { driver_until: { $lte: now } }] };
    if ((await this.#runs.updateOne(free, { $set: members })).matchedCount === 1) return run;
    if (await inserted(() => this.#runs.insertOne({ _id, ...members }))) return run;
    return (await this.current()) ?? run;
  }

  async current(): Promise<Run | undefined> {
    const document = await this.#runs.findOne({ _id: 'current' });
    return document === null ? undefined : runOf(document);
  }

  async drive(runId: string, driver: string, now: UnixMs, lifeMs: number): Promise<boolean> {
    const { matchedCount } = await this.#runs.updateOne(
      { _id: 'current', run_id: runId, is_ended: false, $or: [{ driver }, { driver_until: { $lte: now } }] },
      { $set: { driver, driver_until: now + lifeMs } },
    );
    return matchedCount === 1;
  }

  async end(runId: string, now: UnixMs, failed: number): Promise<void> {
    await this.#runs.updateOne(
      { _id: 'current', run_id: runId, is_ended: false },
      { $set: { is_ended: true, ended_at: now, failed } },
    );
    await this.#leases.deleteMany({ until: { $lte: now } });
  }

  async lease(runId: string, batchId: number, owner: string, now: UnixMs, lifeMs: number): Promise<boolean> {
    const _id = `${runId}/${batchId}`;
    const members = { owner, until: now + lifeMs };
    const free = { _id, $or: [{ owner }, { until: { $lte: now } }] };
    if ((await this.#leases.updateOne(free, { $set: members })).matchedCount === 1) return true;
    return inserted(() => this.#leases.insertOne({ _id, ...members }));
  }

  async release(runId: string, batchId: number, owner: string): Promise<void> {
    await this.#leases.deleteOne({ _id: `${runId}/${batchId}`, owner });
  }
}

/** @returns false where the document is there already. */
async function inserted(insert: () => Promise<unknown>): Promise<boolean> {
  try {
    await insert();
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
    throw error;
  }
}

function documentOf(run: Run): RunDocument {
  return {
    _id: 'current',
    run_id: run.runId,
    batch_count: run.batchCount,
    key_indexes: run.keyIndexes,
    ring_fingerprint: run.ringFingerprint,
    started_at: run.startedAt,
    is_ended: run.endedAt !== undefined,
    ended_at: run.endedAt ?? 0,
    signed_at_start: run.signedAtStart,
    failed: run.failed,
    driver: run.driver,
    driver_until: run.driverUntil,
  };
}

function runOf(document: RunDocument): Run {
  return {
    runId: document.run_id,
    batchCount: document.batch_count,
    keyIndexes: document.key_indexes,
    ringFingerprint: document.ring_fingerprint,
    startedAt: document.started_at as UnixMs,
    endedAt: document.is_ended ? (document.ended_at as UnixMs) : undefined,
    signedAtStart: document.signed_at_start,
    failed: document.failed,
    driver: document.driver,
    driverUntil: document.driver_until as UnixMs,
  };
}
