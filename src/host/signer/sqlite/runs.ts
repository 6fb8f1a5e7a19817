import type { UnixMs } from '../../../base/time.ts';
import type { Run } from '../../../ports/record-store.ts';
import type { SignerStatements } from './statements.ts';

/** The one run of an SQLite file and its leases. Each call is part of a transaction, which is the caller's. */
export class SqliteRuns {
  readonly #statements: SignerStatements;

  constructor(statements: SignerStatements) {
    this.#statements = statements;
  }

  begin(run: Run, now: UnixMs): Run {
    const current = this.current();
    if (current !== undefined && current.endedAt === undefined && current.driverUntil > now) return current;
    this.#statements.dropLeases.run();
    this.#statements.putRun.run(
      run.runId,
      run.batchCount,
      JSON.stringify(run.keyIndexes),
      run.ringFingerprint,
      run.startedAt,
      run.endedAt ?? null,
      run.signedAtStart,
      run.failed,
      run.driver,
      run.driverUntil,
    );
    return run;
  }

  current(): Run | undefined {
    const row = this.#statements.getRun.get();
    if (row === undefined) return undefined;
    return {
      runId: String(row['run_id']),
      batchCount: Number(row['batch_count']),
      keyIndexes: JSON.parse(String(row['key_indexes'])) as number[],
      ringFingerprint: String(row['ring_fingerprint']),
      startedAt: Number(row['started_at']) as UnixMs,
      endedAt: row['ended_at'] === null ? undefined : (Number(row['ended_at']) as UnixMs),
      signedAtStart: Number(row['signed_at_start']),
      failed: Number(row['failed']),
      driver: String(row['driver']),
      driverUntil: Number(row['driver_until']) as UnixMs,
    };
  }

  drive(runId: string, driver: string, now: UnixMs, lifeMs: number): boolean {
    return this.#statements.driveRun.run(driver, now + lifeMs, runId, driver, now).changes === 1;
  }

  end(runId: string, now: UnixMs, failed: number): void {
    this.#statements.endRun.run(now, failed, runId);
    this.#statements.dropLeases.run();
  }

  lease(runId: string, batchId: number, owner: string, now: UnixMs, lifeMs: number): boolean {
    return this.#statements.leaseBatch.run(runId, batchId, owner, now + lifeMs, owner, now).changes === 1;
  }

  release(runId: string, batchId: number, owner: string): void {
    this.#statements.releaseBatch.run(runId, batchId, owner);
  }
}
