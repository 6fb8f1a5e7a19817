import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { MeshError } from '../../base/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../base/time.ts';
import { lockDirectory } from '../../host/directory-lock.ts';
import { lanesOf } from '../../host/signer/engines.ts';
import { systemClock } from '../../host/system-clock.ts';
import { systemRandom } from '../../host/system-random.ts';
import type { SigningEngine } from '../../ports/batch-signer.ts';
import type { RecordStore, Run } from '../../ports/record-store.ts';
import { allKeyIndexes, ringFingerprint } from '../../signer/key-ring.ts';
import { batchCountFor, keyIndexesOf } from '../../signer/plan.ts';
import { signSelection } from '../../signer/sign-selection.ts';
import { openRecordStore, openRingSigner, type SignerPlace } from './place.ts';

/** Without word from it for so long, a run is another's to take over. */
const DRIVER_LIFE_MS = MINUTE_MS;
const DRIVER_WORD_MS = 10 * SECOND_MS;

export interface SignHereOptions {
  readonly place: SignerPlace;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly batchSize: number;
  readonly engine: SigningEngine | undefined;
  readonly isStopped: () => boolean;
  readonly onBegin: (unsigned: number) => void;
  readonly onStored: (signed: number) => void;
}

export interface SignHereResult {
  readonly signed: number;
  readonly unsigned: number;
  readonly conflicts: number;
  readonly failed: number;
  readonly elapsedMs: number;
}

/**
 * Signs all that is unsigned, in this process. Each record is signed with the key of its batch, as a cluster would do;
 * records are read in the order in which they lie, whatever their batch, because that is faster.
 *
 * @throws ERR_DIR_LOCKED while another process signs here; ERR_RUN_DIFFERS while a cluster signs in the same store.
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
    const run = await begin(store, isAlone, {
      runId: randomUUID(),
      batchCount,
      keyIndexes,
      ringFingerprint: ringFingerprint(signer.publicKeys),
      signedAtStart: before.signed,
    });
    options.onBegin(before.unsigned);
    const startedAt = systemClock.monotonic();
    let wordAt = startedAt;
    const outcome = await signSelection(
      { store, signer, random: systemRandom, lanes: lanesOf() },
      {
        selection: { runId: run.runId, batchCount, batchId: undefined },
        keyIndexesOf: (chunk) => keyIndexesOf(chunk, batchCount, keyIndexes),
        isStopped: options.isStopped,
        onStored: (signed) => {
          options.onStored(signed);
          if (systemClock.monotonic() - wordAt < DRIVER_WORD_MS) return;
          wordAt = systemClock.monotonic();
          void store.driveRun(run.runId, run.driver, systemClock.wall(), DRIVER_LIFE_MS).catch(() => undefined);
        },
      },
    );
    const elapsedMs = Math.round(systemClock.monotonic() - startedAt);
    await store.endRun(run.runId, systemClock.wall(), outcome.failed);
    const { unsigned, conflicts } = await store.counts();
    return { signed: outcome.signed, unsigned, conflicts, failed: outcome.failed, elapsedMs };
  } finally {
    await signer.close();
  }
}

/** @param isAlone the lock says that no other process signs here, so a run that goes on was killed. */
async function begin(
  store: RecordStore,
  isAlone: boolean,
  plan: Pick<Run, 'runId' | 'batchCount' | 'keyIndexes' | 'ringFingerprint' | 'signedAtStart'>,
): Promise<Run> {
  const now = systemClock.wall();
  const left = await store.currentRun();
  if (isAlone && left !== undefined && left.endedAt === undefined) await store.endRun(left.runId, now, left.failed);
  const run: Run = {
    ...plan,
    startedAt: now,
    endedAt: undefined,
    failed: 0,
    driver: `${plan.runId} ${process.pid}`,
    driverUntil: (now + DRIVER_LIFE_MS) as Run['driverUntil'],
  };
  const current = await store.beginRun(run, now);
  if (current.runId !== run.runId)
    throw new MeshError(
      'ERR_RUN_DIFFERS',
      'a run goes on in this store',
      'wait for it, or ask its service: GET /stats',
    );
  return run;
}
