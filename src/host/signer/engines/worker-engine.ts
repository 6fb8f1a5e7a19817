import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Bytes } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import type { BatchSigner, RecoveryBatch, SignatureChecker, SigningBatch } from '../../../ports/batch-signer.ts';
import type { CurveName } from '../../secp256k1/curve.ts';
import type { TokenUri } from '../token/token-uri.ts';

/** The keys that a thread signs with: 32 bytes each, none for one that only checks, or those of a token. */
export type WorkerRing =
  | { readonly tag: 'keys'; readonly packed: Bytes }
  | { readonly tag: 'token'; readonly uri: TokenUri; readonly pin: string };

/** What each thread is given when it starts. */
export interface WorkerStart {
  readonly curveName: CurveName;
  readonly ring: WorkerRing;
}

/** What the threads are asked. */
export type WorkerRequest =
  | { readonly tag: 'sign'; readonly ticket: number; readonly batch: SigningBatch }
  | { readonly tag: 'recover'; readonly ticket: number; readonly batch: RecoveryBatch }
  | { readonly tag: 'close' };

/** What they answer. `ready` or `unusable` comes first, once; then one answer a ticket. */
export type WorkerAnswer =
  | { readonly tag: 'ready'; readonly publicKeys: readonly Bytes[] }
  | { readonly tag: 'unusable'; readonly reason: string }
  | { readonly tag: 'done'; readonly ticket: number; readonly result: Bytes }
  | { readonly tag: 'failed'; readonly ticket: number; readonly reason: string };

interface Pending {
  resolve(result: Bytes): void;
  reject(error: unknown): void;
}

interface Thread {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
}

/** Batches on worker threads, each to the one that has least to do. */
export class WorkerEngine implements BatchSigner, SignatureChecker {
  readonly engine: CurveName;
  readonly publicKeys: readonly Bytes[];
  readonly #threads: readonly Thread[];
  #ticketNext = 0;

  private constructor(engine: CurveName, threads: readonly Thread[], publicKeys: readonly Bytes[]) {
    this.engine = engine;
    this.#threads = threads;
    this.publicKeys = publicKeys;
    for (const thread of threads) {
      thread.worker.on('message', (answer: WorkerAnswer) => settle(thread, answer));
      thread.worker.on('error', (error) => failAll(thread, error as Error));
      thread.worker.on('exit', () => failAll(thread, new Error('the signing thread ended')));
    }
  }

  /**
   * @param ring packed keys are wiped by the caller.
   * @throws ERR_ENGINE where the implementation cannot be loaded on this machine.
   */
  static async start(engine: CurveName, ring: WorkerRing, threadCount: number): Promise<WorkerEngine> {
    const threads: Thread[] = [];
    try {
      for (let i = 0; i < threadCount; i++) {
        const worker = new Worker(workerUrl(), { workerData: { curveName: engine, ring } satisfies WorkerStart });
        threads.push({ worker, pending: new Map() });
      }
      const answers = await Promise.all(threads.map(({ worker }) => firstAnswer(worker)));
      const publicKeys = answers.map((answer) => {
        if (answer.tag === 'ready') return answer.publicKeys;
        throw new MeshError('ERR_ENGINE', `engine ${engine}: ${answer.tag === 'unusable' ? answer.reason : ''}`);
      })[0] as readonly Bytes[];
      return new WorkerEngine(engine, threads, publicKeys);
    } catch (error) {
      for (const { worker } of threads) await worker.terminate();
      throw error;
    }
  }

  sign(batch: SigningBatch): Promise<Bytes> {
    return this.#ask((ticket) => ({ tag: 'sign', ticket, batch }));
  }

  recover(batch: RecoveryBatch): Promise<Bytes> {
    return this.#ask((ticket) => ({ tag: 'recover', ticket, batch }));
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#threads.map(async ({ worker }) => {
        const ended = once(worker, 'exit');
        worker.postMessage({ tag: 'close' } satisfies WorkerRequest);
        await ended;
      }),
    );
  }

  #ask(request: (ticket: number) => WorkerRequest): Promise<Bytes> {
    const thread = this.#threads.reduce((best, other) => (other.pending.size < best.pending.size ? other : best));
    const ticket = this.#ticketNext++;
    return new Promise((resolve, reject) => {
      thread.pending.set(ticket, { resolve, reject });
      thread.worker.postMessage(request(ticket));
    });
  }
}

async function firstAnswer(worker: Worker): Promise<WorkerAnswer> {
  const [answer] = (await once(worker, 'message')) as [WorkerAnswer];
  return answer;
}

function settle({ pending }: Thread, answer: WorkerAnswer): void {
  if (answer.tag !== 'done' && answer.tag !== 'failed') return;
  const waiting = pending.get(answer.ticket);
  pending.delete(answer.ticket);
  if (answer.tag === 'done') waiting?.resolve(answer.result);
  else waiting?.reject(new MeshError('ERR_ENGINE', answer.reason));
}

function failAll({ pending }: Thread, error: Error): void {
  for (const waiting of pending.values()) waiting.reject(error);
  pending.clear();
}

/** In the published package the file ends in `.js`. */
function workerUrl(): URL {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`./signing-worker${ending}`, import.meta.url);
}
