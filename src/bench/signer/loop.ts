import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** Whose loop. */
export type LoopLibrary = 'secp256k1' | 'ethers' | 'viem';

/** What a thread of the loop is told, and answers: `ready`, then its milliseconds once it was told to go. */
export interface LoopTask {
  readonly library: LoopLibrary;
  readonly count: number;
}

/** Signs in a loop on every core. @returns signatures a second. @throws Error where the library is not installed. */
export async function loopRate(library: LoopLibrary, count: number): Promise<number> {
  const threads = availableParallelism();
  const task: LoopTask = { library, count: Math.ceil(count / threads) };
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL(`./loop-worker${ending}`, import.meta.url), { workerData: task }),
  );
  try {
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const startedAt = performance.now();
    const done = workers.map((worker) => once(worker, 'message'));
    for (const worker of workers) worker.postMessage('go');
    await Promise.all(done);
    return (threads * task.count * 1_000) / (performance.now() - startedAt);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
