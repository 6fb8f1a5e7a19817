import type { z } from 'zod';
import { isMeshError } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { lockDirectory } from '../../host/files/directory-lock.ts';
import { FlooredClock } from '../../host/machine/floored-clock.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import { MeshNode } from '../../node/mesh-node.ts';
import type { NodeOutbox } from '../../node/node-outbox.ts';
import { whileBusy } from '../busy-directory.ts';
import { type EnrolledNode, loadEnrolledNode } from './enrolled-node.ts';
import { loadNodeConfig } from './config.ts';
import { NodeDesk } from './desk.ts';
import { nodeProfileOf } from './profile.ts';
import { hasNodeStore, openNodeStore } from './store.ts';

/** What a question is asked with: by HTTP where a node runs, else of what its store holds. */
export interface HeldQuestion<S extends z.ZodType> {
  readonly schema: S;
  readonly path: string;
  readonly atRest: (node: MeshNode, now: UnixMs) => z.output<S>;
}

export interface HeldAnswer<T> {
  readonly answer: T;
  /** Whether a node runs; else the answer is what it held when it ended, less what is over by now. */
  readonly isRunning: boolean;
}

/**
 * What the node of a directory holds, running or not.
 * @throws ERR_DIR_NOT_INITIALISED; ERR_NOT_RUNNING where it never ran, so that there is nothing to be read; ERR_STATE_...
 */
export async function askHeld<S extends z.ZodType>(
  directory: string,
  { schema, path, atRest }: HeldQuestion<S>,
): Promise<HeldAnswer<z.output<S>>> {
  const desk = new NodeDesk(directory);
  return whileBusy(async () => {
    try {
      return { answer: await desk.call(schema, { method: 'GET', path }), isRunning: true };
    } catch (error) {
      if (!isMeshError(error) || error.code !== 'ERR_NOT_RUNNING') throw error;
      const enrolled = loadEnrolledNode(directory);
      if (!(await hasNodeStore(enrolled))) throw error;
      return { answer: await openAtRest(enrolled, atRest), isRunning: false };
    }
  });
}

/** A node made of its store alone: it judges what it holds as it would when running, and does nothing. */
async function openAtRest<T>(enrolled: EnrolledNode, use: (node: MeshNode, now: UnixMs) => T): Promise<T> {
  const { layout } = enrolled;
  const lock = lockDirectory(layout.directory);
  try {
    const store = await openNodeStore(enrolled);
    try {
      const restored = store.load();
      const now = new FlooredClock(systemClock, restored.timeFloor).now();
      const config = loadNodeConfig({ directory: layout.directory, environment: process.env, flags: {} });
      const node = new MeshNode(now, {
        ...nodeProfileOf(enrolled, config),
        store,
        start: { incarnation: restored.incarnation, restored },
        random: systemRandom,
        outbox: NOBODY,
      });
      return use(node, now.wall);
    } finally {
      await store.close();
    }
  } finally {
    lock.release();
  }
}

/** Nothing that the node asks for is done: it is gone before an answer could matter. */
const NOBODY: NodeOutbox = {
  dial: () => {},
  write: () => {},
  close: () => {},
  wake: () => {},
  verify: () => {},
  sign: () => {},
  persist: () => {},
  answer: () => {},
  event: () => {},
};
