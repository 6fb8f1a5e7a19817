import type { UnixMs } from '../base/time.ts';
import {
  type AuthorityTransaction,
  type CertificateRow,
  type NodeRow,
  PAGE_ROWS_MAX,
  type SightingRow,
} from '../ports/authority-store.ts';

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

/** All nodes that were ever enrolled, in order of their ids. */
export async function listNodes(tx: AuthorityTransaction, now: UnixMs): Promise<readonly NodeSummary[]> {
  const summaries: NodeSummary[] = [];
  let after: string | undefined;
  while (summaries.length < NODES_LISTED_MAX) {
    const page = await tx.listNodes(after, PAGE_ROWS_MAX);
    for (const node of page) {
      const [newest] = await tx.certificatesOf('node', node.nodeId);
      if (newest !== undefined) summaries.push(await summaryOf(tx, node, newest, now));
    }
    if (page.length < PAGE_ROWS_MAX) break;
    after = page.at(-1)?.nodeId;
  }
  return summaries;
}

/** Whether a node is one of the mesh now. */
export function nodeStatusOf(node: NodeRow, newest: CertificateRow, now: UnixMs): NodeStatus {
  if (node.revokedAt !== undefined || newest.revokedAt !== undefined) return 'revoked';
  return newest.notAfter <= now ? 'expired' : 'active';
}

async function summaryOf(
  tx: AuthorityTransaction,
  node: NodeRow,
  newest: CertificateRow,
  now: UnixMs,
): Promise<NodeSummary> {
  return {
    nodeId: node.nodeId,
    status: nodeStatusOf(node, newest, now),
    serial: newest.serial,
    notAfter: newest.notAfter,
    roles: newest.roles,
    sighting: await tx.findSighting(node.nodeId),
  };
}
