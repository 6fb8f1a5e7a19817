import type { TicketSummary as TicketJson } from '../../api/authority.ts';
import type { BootstrapPeer as PeerJson } from '../../api/ticket.ts';
import type { PeerHint } from '../../authority/enrollment/check-in.ts';
import type { ListedTicket } from '../../authority/enrollment/tickets.ts';
import { toRfc3339 } from '../../base/time.ts';

/** Peers as an enrolment and a check-in are told of them. */
export function peersJson(peers: readonly PeerHint[]): PeerJson[] {
  return peers.map(({ nodeId, address }) => ({ node_id: nodeId, address }));
}

export function ticketJson({ id, status, row }: ListedTicket): TicketJson {
  return {
    id,
    status,
    created_at: toRfc3339(row.createdAt),
    expires_at: toRfc3339(row.expiresAt),
    uses: row.usesMax,
    uses_spent: row.usesSpent,
    ...(row.nodeId === undefined ? {} : { node_id: row.nodeId }),
    roles: [...row.roles],
  };
}
