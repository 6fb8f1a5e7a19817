import { type UnixMs, unixSeconds } from '../base/time.ts';
import type { NodeChange, NodeStore, RestoredNode } from '../ports/node-store.ts';

/**
 * Places in the order of arrival that each start but the first leaves free. Programs hear of a message before it is
 * durable and may go on behind its place, so a place that was told and lost in a crash is not given to another. Fewer
 * than this are told and not durable at once: the journal's backlog, and what is under way to it. @tuning
 */
export const ARRIVALS_LEFT_FREE = 2 ** 16;

/** A start of a node, on what its store kept. */
export interface NodeStart {
  readonly incarnation: number;
  readonly restored: RestoredNode;
  /** To be durable before the node says or hears anything. */
  readonly changes: readonly NodeChange[];
}

/** A start on a store, durable there once this resolves. */
export async function startOn(store: NodeStore, wall: UnixMs): Promise<NodeStart> {
  const start = startOf(store.load(), wall);
  await store.apply(start.changes);
  return start;
}

export function startOf(stored: RestoredNode, wall: UnixMs): NodeStart {
  const incarnation = nextIncarnation(stored.incarnation, wall);
  const isFirst = stored.incarnation === 0;
  const arrivals = isFirst ? stored.arrivals : stored.arrivals + ARRIVALS_LEFT_FREE;
  return {
    incarnation,
    restored: { ...stored, arrivals },
    changes: [
      { tag: 'put-incarnation', incarnation },
      { tag: 'put-arrivals', arrivals },
    ],
  };
}

/** The incarnation of a start: above the last one, and about the time of day, so that a lost state cannot repeat one. */
export function nextIncarnation(stored: number, wall: UnixMs): number {
  return Math.max(stored + 1, unixSeconds(wall));
}
