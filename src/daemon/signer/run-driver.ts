import { randomUUID } from 'node:crypto';
import { isMeshError, MeshError, messageOf } from '../../base/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import { jittered, type Random } from '../../ports/random.ts';
import type { RecordStore, Run } from '../../ports/record-store.ts';
import { keyIndexOf, ringFingerprint } from '../../signer/key-ring.ts';
import { type BatchCall, batchCountFor } from '../../signer/plan.ts';
import type { Log } from '../log.ts';

/** A run whose driver was not heard of for so long is driven by whoever notices first. */
export const DRIVER_LIFE_MS = 10_000;
/** How often the driver gives word, and the others look. */
export const DRIVER_WORD_MS = 2_500;
/** Batches that are called at once. Replicas queue what they cannot sign yet. */
export const CALLS_MAX = 16;
/** Tries of a batch. With the pauses below a minute and a half: a replica that died is replaced by then. */
export const TRIES_MAX = 12;
/** Pause after the first try of a batch; doubled with each. @tuning */
const BATCH_RETRY_MS_MIN = 100;
/** Longest pause between two tries. @tuning */
const BATCH_RETRY_MS_MAX = 10_000;
const RETRY_JITTER = 0.3;
/** How often a waiter looks whether a run that another replica drives has ended. */
const WATCH_MS = 200;

export interface RunDriverDeps {
  readonly store: RecordStore;
  readonly publicKeys: readonly Uint8Array[];
  readonly clock: Clock;
  readonly random: Random;
  /** Has some replica sign a batch. @throws MeshError of the replica, or ERR_UNREACHABLE. */
  readonly callBatch: (call: BatchCall, runId: string, ring: string) => Promise<BatchAnswer>;
  readonly log: Log;
}

export interface BatchAnswer {
  readonly signed: number;
  readonly failed: number;
}

/**
 * Plans runs and has their batches signed. Every replica has one: whichever is asked drives the run, and where that one
 * dies another goes on with the same batches; those that are signed already are empty by then.
 */
export class RunDriver {
  readonly #deps: RunDriverDeps;
  readonly #name = randomUUID();
  readonly #ring: string;
  #watch: NodeJS.Timeout | undefined;
  #driving: Promise<void> | undefined;
  #isClosed = false;

  constructor(deps: RunDriverDeps) {
    this.#deps = deps;
    this.#ring = ringFingerprint(deps.publicKeys);
  }

  /** From now on looks for runs whose driver has died. Call it when batches can be called. */
  watch(): void {
    void this.#adoptOrphan();
    this.#watch = setInterval(() => void this.#adoptOrphan(), DRIVER_WORD_MS);
  }

  /**
   * Begins a run over all that is unsigned now, or joins the one that goes on.
   * @param keyIndexes the keys of the ring that whoever asks may use.
   */
  async start(batchSize: number, keyIndexes: readonly number[]): Promise<{ run: Run; isNew: boolean }> {
    const { store, clock } = this.#deps;
    const { signed, unsigned } = await store.counts();
    const now = clock.wall();
    const run: Run = {
      runId: randomUUID(),
      batchCount: batchCountFor(unsigned, batchSize),
      keyIndexes,
      ringFingerprint: this.#ring,
      startedAt: now,
      endedAt: undefined,
      signedAtStart: signed,
      failed: 0,
      driver: this.#name,
      driverUntil: (now + DRIVER_LIFE_MS) as Run['driverUntil'],
    };
    const current = await store.beginRun(run, now);
    const isNew = current.runId === run.runId;
    if (isNew) this.#drive(run);
    return { run: current, isNew };
  }

  /** @returns the run as it was when it ended; or another, where that was begun since. */
  async untilEnded(runId: string): Promise<Run> {
    for (;;) {
      const run = await this.#deps.store.currentRun();
      if (run === undefined) throw new MeshError('ERR_RUN_DIFFERS', 'the run is gone from the store');
      if (run.runId !== runId || run.endedAt !== undefined) return run;
      if (this.#isClosed) throw new MeshError('ERR_NOT_READY', 'this replica is ending');
      await pause(WATCH_MS);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#watch);
    await this.#driving;
    await this.#handOver().catch(() => undefined); // else the others notice a little later
  }

  /** Lets another replica go on at once with a run that this one drove. */
  async #handOver(): Promise<void> {
    const { store, clock } = this.#deps;
    const run = await store.currentRun();
    if (run?.driver === this.#name) await store.driveRun(run.runId, this.#name, clock.wall(), 0);
  }

  async #adoptOrphan(): Promise<void> {
    const { store, clock, log } = this.#deps;
    if (this.#driving !== undefined || this.#isClosed) return;
    try {
      const run = await store.currentRun();
      const now = clock.wall();
      if (run === undefined || run.endedAt !== undefined || run.driverUntil > now) return;
      if (run.ringFingerprint !== this.#ring) return; // for a replica with the right keys
      if (!(await store.driveRun(run.runId, this.#name, now, DRIVER_LIFE_MS))) return;
      log.warn({ run_id: run.runId }, 'the driver of the run was not heard of; going on with it');
      this.#drive(run);
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'cannot look for orphaned runs');
    }
  }

  #drive(run: Run): void {
    const { store, clock, log } = this.#deps;
    const abort = new AbortController();
    const word = setInterval(() => {
      store.driveRun(run.runId, this.#name, clock.wall(), DRIVER_LIFE_MS).then(
        (isOurs) => isOurs || abort.abort(),
        (error: unknown) => log.warn({ reason: messageOf(error) }, 'the record store does not answer'),
      );
    }, DRIVER_WORD_MS);
    this.#driving = this.#callAll(run, abort.signal)
      .then((failed) => (this.#isStopped(abort.signal) ? undefined : this.#end(run, failed)))
      .catch((error: unknown) => log.error({ run_id: run.runId, reason: messageOf(error) }, 'the run was given up'))
      .finally(() => {
        clearInterval(word);
        this.#driving = undefined;
      });
  }

  /** Calls every batch. @returns how many records could not be signed. */
  async #callAll(run: Run, signal: AbortSignal): Promise<number> {
    let next = 0;
    let failed = 0;
    const lane = async (): Promise<void> => {
      while (next < run.batchCount && !this.#isStopped(signal)) failed += await this.#callOne(run, next++, signal);
    };
    await Promise.all(Array.from({ length: Math.min(CALLS_MAX, run.batchCount) }, lane));
    return failed;
  }

  async #callOne(run: Run, batchId: number, signal: AbortSignal): Promise<number> {
    const { random, callBatch, log } = this.#deps;
    const call = { batchId, batchCount: run.batchCount, keyIndex: keyIndexOf(batchId, run.keyIndexes) };
    for (let tries = 1; ; tries++) {
      try {
        return (await callBatch(call, run.runId, this.#ring)).failed;
      } catch (error) {
        if (!isMeshError(error)) throw error;
        if (this.#isStopped(signal)) return 0;
        log.warn({ run_id: run.runId, batch: batchId, tries, code: error.code }, 'a batch was refused');
        if (tries >= TRIES_MAX) return 0; // its records stay unsigned, for the next run
        await pause(
          jittered(random, Math.min(BATCH_RETRY_MS_MIN * 2 ** (tries - 1), BATCH_RETRY_MS_MAX), RETRY_JITTER),
        );
      }
    }
  }

  async #end(run: Run, failed: number): Promise<void> {
    const { store, clock, log } = this.#deps;
    for (let tries = 1; ; tries++) {
      try {
        await store.endRun(run.runId, clock.wall(), failed);
        log.info({ run_id: run.runId, batches: run.batchCount, failed }, 'the run has ended');
        return;
      } catch (error) {
        if (tries >= TRIES_MAX || this.#isClosed) throw error;
        await pause(BATCH_RETRY_MS_MIN * 2 ** Math.min(tries, 6));
      }
    }
  }

  #isStopped(signal: AbortSignal): boolean {
    return signal.aborted || this.#isClosed;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
