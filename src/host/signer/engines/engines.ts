import { availableParallelism } from 'node:os';
import { type Bytes, concatBytes } from '../../../base/bytes.ts';
import { isMeshError, MeshError } from '../../../base/errors.ts';
import type { Secret } from '../../../crypto/secret.ts';
import type { BatchSigner, SignatureChecker, SigningEngine } from '../../../ports/batch-signer.ts';
import { NativeChecker, NativeSigner } from './native-engine.ts';
import type { TokenUri } from '../token/token-uri.ts';
import { WorkerEngine, type WorkerRing } from './worker-engine.ts';

/** Fastest first. */
export const ENGINES: readonly SigningEngine[] = ['native', 'npm', 'wasm'];

const NO_KEYS: WorkerRing = { tag: 'keys', packed: new Uint8Array(0) };

/** Threads that sign. More than cores only wait for each other. @tuning */
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
      engine === 'native'
        ? new NativeSigner(packed)
        : WorkerEngine.start(engine, { tag: 'keys', packed }, threadCount()),
    );
  } finally {
    packed.fill(0);
  }
}

/** As {@link openSigner}, for checking signatures; it needs no keys. */
export async function openChecker(wish?: SigningEngine): Promise<SignatureChecker> {
  return firstOf(wish, async (engine) =>
    engine === 'native' ? new NativeChecker() : WorkerEngine.start(engine, NO_KEYS, threadCount()),
  );
}

/**
 * A signer with the keys of a token.
 * @throws ERR_ENGINE where this machine cannot speak to tokens; ERR_KEY_TOKEN.
 */
export async function openTokenSigner(uri: TokenUri, pin: string): Promise<BatchSigner> {
  const worker = await firstOf(undefined, async (engine) => {
    if (engine === 'native') throw new MeshError('ERR_ENGINE', 'the addon signs with keys of its own only');
    return WorkerEngine.start(engine, { tag: 'token', uri, pin }, threadCount());
  });
  return {
    engine: 'pkcs11',
    publicKeys: worker.publicKeys,
    sign: (batch) => worker.sign(batch),
    close: () => worker.close(),
  };
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
