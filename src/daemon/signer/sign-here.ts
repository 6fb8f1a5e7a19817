import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { MeshError } from '../../base/errors.ts';
import { SECOND_MS, type UnixMs } from '../../base/time.ts';
import { lockDirectory } from '../../host/files/directory-lock.ts';
import { lanesOf } from '../../host/signer/engines/engines.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import type { BatchSigner, SigningEngine } from '../../ports/batch-signer.ts';
import type { MalformedRecord, RecordStore, Run } from '../../ports/record-store.ts';
import { allKeyIndexes, ringFingerprint } from '../../signer/key-ring.ts';
import { batchCountFor, keyIndexesOf } from '../../signer/plan.ts';
import { signSelection } from '../../signer/sign-selection.ts';
import { openRecordStore, openRingSigner, type SignerPlace } from './place.ts';
import { DRIVER_LIFE_MS, DRIVER_WORD_MS } from './run-driver.ts';

/** How often it is looked whether a run that another process began still goes on. */
const WATCH_MS = SECOND_MS / 2;

/** Records that cannot be signed and are named in the result; the rest is only counted. */
export const FAILED_LISTED_MAX = 100;

export interface SignHereOptions {
  readonly place: SignerPlace;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly batchSize: number;
  readonly engine: SigningEngine | undefined;
  readonly isStopped: () => boolean;
  readonly onBegin: (unsigned: number) => void;
  readonly onStored: (signed: number) => void;
  /** Another process began a run here and was perhaps killed: it is waited for. */
  readonly onWait: () => void;
}

export interface SignHereResult {
  readonly signed: number;
  readonly unsigned: number;
  readonly conflicts: number;
  readonly failed: number;
  /** The first {@link FAILED_LISTED_MAX} of them. */
  readonly errors: readonly MalformedRecord[];
  readonly elapsedMs: number;
}

/**
 * Signs all that is unsigned, in this process. Each record is signed with the key of its batch, as a cluster would do;
 * records are read in the order in which they lie, whatever their batch, because that is faster.
 *
 * Where a process that signed in the same database was killed, its run is taken over once nothing was heard of it for
 * {@link DRIVER_LIFE_MS}.
 *
 * @throws ERR_DIR_LOCKED while another process signs here; ERR_RUN_DIFFERS while one signs in the same database.
 */
export async function signHere(options: SignHereOptions): Promise<SignHereResult> {
  const { place } = options;
  const store = await openRecordStore(place, false);
  const lock = place.store === undefined ? lockDirectory(resolve(place.dir as string)) : undefined;
  try {
    return await signStore(options, store, lock !== undefined);
  } finally {
    lock?.release();
    await store.close();
  }
}

async function signStore(options: SignHereOptions, store: RecordStore, isAlone: boolean): Promise<SignHereResult> {
  const signer = await openRingSigner(options.place, options.environment, options.engine);
  try {
    const before = await store.counts();
    const keyIndexes = allKeyIndexes(signer.publicKeys.length);
    const batchCount = Math.max(1, batchCountFor(before.unsigned, options.batchSize));
    const run = await begin(store, isAlone, options, {
      runId: randomUUID(),
      batchCount,
      keyIndexes,
      ringFingerprint: ringFingerprint(signer.publicKeys),
      signedAtStart: before.signed,
    });
    options.onBegin(before.unsigned);
    const startedAt = systemClock.monotonic();
    const outcome = await signRun(options, store, signer, run);
    const elapsedMs = Math.round(systemClock.monotonic() - startedAt);
    const { unsigned, conflicts } = await store.counts();
    return { signed: outcome.signed, unsigned, conflicts, failed: outcome.failed, errors: outcome.errors, elapsedMs };
  } finally {
    await signer.close();
  }
}

/** Signs, gives word meanwhile, and ends the run however that went. */
async function signRun(options: SignHereOptions, store: RecordStore, signer: BatchSigner, run: Run) {
  const { runId, driver, batchCount, keyIndexes } = run;
  const word = setInterval(() => {
    store.driveRun(runId, driver, systemClock.wall(), DRIVER_LIFE_MS).catch(() => undefined);
  }, DRIVER_WORD_MS);
  const errors: MalformedRecord[] = [];
  let failed = 0;
  try {
    const outcome = await signSelection(
      { store, signer, random: systemRandom, lanes: lanesOf() },
      {
        selection: { runId, batchCount, batchId: undefined },
        keyIndexesOf: (chunk) => keyIndexesOf(chunk, batchCount, keyIndexes),
        isStopped: options.isStopped,
        onStored: options.onStored,
        onMalformed: (records) => {
          failed += records.length;
          errors.push(...records.slice(0, FAILED_LISTED_MAX - errors.length));
        },
      },
    );
    await store.endRun(runId, systemClock.wall(), failed);
    return { ...outcome, errors };
  } catch (error) {
    await store.endRun(runId, systemClock.wall(), failed).catch(() => undefined); // else it is missed after a while
    throw error;
  } finally {
    clearInterval(word);
  }
}

/** @param isAlone the lock says that no other process signs here, so a run that goes on was killed. */
async function begin(
  store: RecordStore,
  isAlone: boolean,
  { isStopped, onWait }: SignHereOptions,
  plan: Pick<Run, 'runId' | 'batchCount' | 'keyIndexes' | 'ringFingerprint' | 'signedAtStart'>,
): Promise<Run> {
  const left = await store.currentRun();
  if (isAlone && left !== undefined && left.endedAt === undefined)
    await store.endRun(left.runId, systemClock.wall(), left.failed);
  const runFrom = (now: UnixMs): Run => ({
    ...plan,
    startedAt: now,
    endedAt: undefined,
    failed: 0,
    driver: `${plan.runId} ${process.pid}`,
    driverUntil: (now + DRIVER_LIFE_MS) as UnixMs,
  });
  let waitedFor: Run | undefined;
  for (;;) {
    const now = systemClock.wall();
    const current = await store.beginRun(runFrom(now), now);
    if (current.runId === plan.runId) return current;
    waitedFor ??= current;
    // Word of its driver came while it was waited for, or its clock is not ours.
    const isAlive = current.driverUntil > waitedFor.driverUntil || current.driverUntil > now + 2 * DRIVER_LIFE_MS;
    if (isAlive || isStopped())
      throw new MeshError(
        'ERR_RUN_DIFFERS',
        'a run goes on in this store',
        'wait for it, or ask its service: GET /stats',
      );
    if (current === waitedFor) onWait();
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  }
}
