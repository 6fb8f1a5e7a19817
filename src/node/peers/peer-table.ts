import { BoundedMap } from '../../base/bounded.ts';
import type { UnixMs } from '../../base/time.ts';
import type { NodeId } from '../../identity/node-id.ts';

/** Peers remembered after their link ended. */
export const PEERS_SEEN_MAX = 4_096;

/** Where and when a peer was last linked. */
export interface PeerSeen {
  readonly lastSeenAt: UnixMs;
  readonly address: string | undefined;
}

/** Peers that this node has been linked with since it started. */
export class PeerTable {
  readonly #seen = new BoundedMap<NodeId, PeerSeen>(PEERS_SEEN_MAX);

  seen(nodeId: NodeId, at: UnixMs, address: string | undefined): void {
    this.#seen.set(nodeId, { lastSeenAt: at, address: address ?? this.#seen.peek(nodeId)?.address });
  }

  /** A revoked node is in no table. */
  drop(nodeId: NodeId): void {
    this.#seen.delete(nodeId);
  }

  entries(): IterableIterator<[NodeId, PeerSeen]> {
    return this.#seen.entries();
  }
}
