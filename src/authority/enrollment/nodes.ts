import type { UnixMs } from '../../base/time.ts';
import type { NodeOverviewRow, SightingRow } from '../../ports/authority/nodes.ts';
import { type AuthorityStore, PAGE_ROWS_MAX } from '../../ports/authority-store.ts';

export type NodeStatus = 'active' | 'revoked' | 'expired';

/** A node as the operator sees it: its newest certificate, and what it last said of itself. */
export interface NodeSummary {
  readonly nodeId: string;
  readonly status: NodeStatus;
  readonly serial: string;
  readonly notAfter: UnixMs;
  readonly roles: readonly string[];
  readonly sighting: SightingRow | undefined;
}

/** Nodes in one answer. A mesh has 10,000; the rest is room for those that have gone. */
export const NODES_LISTED_MAX = 100_000;

/** All nodes that were ever enrolled, in order of their ids; read page by page, so that others get their turn. */
export async function listNodes(store: AuthorityStore, now: UnixMs): Promise<readonly NodeSummary[]> {
  const summaries: NodeSummary[] = [];
  for (let after: string | undefined; summaries.length < NODES_LISTED_MAX; ) {
    const from = after;
    const page = await store.transact((tx) => tx.listNodes(from, PAGE_ROWS_MAX));
    for (const row of page) summaries.push(summaryOf(row, now));
    if (page.length < PAGE_ROWS_MAX) break;
    after = page.at(-1)?.node.nodeId;
  }
  return summaries;
}

function summaryOf({ node, newest, sighting }: NodeOverviewRow, now: UnixMs): NodeSummary {
  const { serial, notAfter, roles } = newest;
  return { nodeId: node.nodeId, status: statusOf({ node, newest, sighting }, now), serial, notAfter, roles, sighting };
}

function statusOf({ node, newest }: NodeOverviewRow, now: UnixMs): NodeStatus {
  if (node.revokedAt !== undefined || newest.revokedAt !== undefined) return 'revoked';
  return newest.notAfter <= now ? 'expired' : 'active';
}
