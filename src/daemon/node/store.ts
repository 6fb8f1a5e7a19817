import { existsSync } from 'node:fs';
import { SqliteNodeStore } from '../../host/sqlite/node-store.ts';
import type { NodeStore } from '../../ports/node-store.ts';
import type { EnrolledNode } from './enrolled-node.ts';

/**
 * Opens the store of a node, or makes it. Here alone it is said what that is: an SQLite file. The caller holds the
 * directory's lock.
 * @throws ERR_STATE_CORRUPT, ERR_STATE_FOREIGN, ERR_STORAGE
 */
export async function openNodeStore({ layout, mesh, nodeId }: EnrolledNode): Promise<NodeStore> {
  return SqliteNodeStore.open(layout.database, { mesh, nodeId });
}

/** Whether a node has a store: it has once it ran. */
export async function hasNodeStore({ layout }: EnrolledNode): Promise<boolean> {
  return existsSync(layout.database);
}
