import { availableParallelism } from 'node:os';
import { type Bytes, concatBytes } from '../../base/bytes.ts';
import { isMeshError, type MeshError } from '../../base/errors.ts';
import type { Secret } from '../../crypto/secret.ts';
import type { BatchSigner, SignatureChecker, SigningEngine } from '../../ports/batch-signer.ts';
import { NativeChecker, NativeSigner } from './native-engine.ts';
import { WorkerEngine } from './worker-engine.ts';

/** Fastest first. */
export const ENGINES: readonly SigningEngine[] = ['native', 'npm', 'wasm'];

/** Threads that sign. More than cores only wait for each other. */
const THREADS_MAX = 64;

/** Batches worth having under way: one a thread, and one each that waits so that none idles. */
export function lanesOf(threads: number = threadCount()): number {
  return Math.min(2 * threads, 16);
}

/**
 * A signer with these keys: the engine that is asked for, or else the fastest that works here.
 * @throws ERR_ENGINE where that one, or none, works; ERR_KEY for a key that is none.
 */
export async function openSigner(keys: readonly Secret[], wish?: SigningEngine): Promise<BatchSigner> {
  const packed = packKeys(keys);
  try {
    return await firstOf(wish, async (engine) =>
      engine === 'native' ? new NativeSigner(packed) : WorkerEngine.start(engine, packed, threadCount()),
    );
  } finally {
    packed.fill(0);
  }
}

/** As {@link openSigner}, for checking signatures; it needs no keys. */
export async function openChecker(wish?: SigningEngine): Promise<SignatureChecker> {
  return firstOf(wish, async (engine) =>
    engine === 'native' ? new NativeChecker() : WorkerEngine.start(engine, new Uint8Array(0), threadCount()),
  );
}

/** Why an engine does not work here; `undefined` where it does. For `doctor`. */
export async function engineProblem(engine: SigningEngine): Promise<MeshError | undefined> {
  try {
    await (await openChecker(engine)).close();
    return undefined;
  } catch (error) {
    if (isMeshError(error)) return error;
    throw error;
  }
}

async function firstOf<T>(wish: SigningEngine | undefined, open: (engine: SigningEngine) => Promise<T>): Promise<T> {
  let problem: unknown;
  for (const engine of wish === undefined ? ENGINES : [wish]) {
    try {
      return await open(engine);
    } catch (error) {
      if (!isMeshError(error) || error.code !== 'ERR_ENGINE') throw error;
      problem = error;
    }
  }
  throw problem;
}

function packKeys(keys: readonly Secret[]): Bytes {
  return concatBytes(...keys.map((key) => key.use((bytes) => bytes)));
}

function threadCount(): number {
  return Math.min(availableParallelism(), THREADS_MAX);
}
