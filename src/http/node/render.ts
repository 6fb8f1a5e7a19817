import type { PeersResponse } from '../../api/node-gossip.ts';
import type { HeldMessageJson, NodeEventJson } from '../../api/node-programs.ts';
import { toBase64 } from '../../base/bytes.ts';
import { toRfc3339, type UnixMs } from '../../base/time.ts';
import type { HeldMessage } from '../../engine/held/held-message.ts';
import type { Message } from '../../message/message.ts';
import type { MeshNode } from '../../node/mesh-node.ts';
import type { NodeEvent } from '../../node/node-outbox.ts';

/** Peers as `GET /v1/mesh/peers` lists them: linked ones first, then those that were linked since the start. */
export function peersResponse(node: MeshNode, wall: UnixMs): PeersResponse {
  const linked = new Set(node.links.map((link) => link.peer));
  const connected: PeersResponse['peers'] = [];
  const away: PeersResponse['peers'] = [];
  for (const [nodeId, { lastSeenAt, address }] of node.peersSeen.entries()) {
    const isLinked = linked.has(nodeId);
    (isLinked ? connected : away).push({
      node_id: nodeId,
      status: isLinked ? 'connected' : 'last_seen',
      last_seen: toRfc3339(isLinked ? wall : lastSeenAt),
      ...(address === undefined ? {} : { address }),
    });
  }
  return { peers: [...connected, ...away] };
}

/** @param isSigned with the bytes that the author signed, for who checks for himself. */
export function messageJson({ receivedAt }: HeldMessage, message: Message, isSigned: boolean): HeldMessageJson {
  return {
    message_id: message.id,
    origin: message.origin,
    type: message.type.text,
    ...(message.audience === undefined ? {} : { audience: message.audience.text }),
    payload: toBase64(message.payload),
    content_type: message.contentType,
    timestamp: toRfc3339(message.issuedAt),
    expires_at: toRfc3339(message.expiresAt),
    received_at: toRfc3339(receivedAt),
    ...(isSigned ? { message: toBase64(message.bytes) } : {}),
  };
}

export function eventJson(event: NodeEvent): NodeEventJson {
  switch (event.tag) {
    case 'link-up':
      return { event: 'link-up', peer: event.peer, direction: event.direction, address: event.address };
    case 'link-down':
      return { event: 'link-down', peer: event.peer, why: event.why };
    case 'message': {
      const { id, origin, type, receivedAt } = event.held;
      return { event: 'message', message_id: id, origin, type, received_at: toRfc3339(receivedAt) };
    }
    case 'crl':
      return {
        event: 'crl',
        issuer_key_hash: event.issuerKeyHash,
        number: event.number,
        dropped_live: [...event.droppedLive],
      };
    case 'conflict': {
      const { messageId, origin, kept, refused } = event;
      return {
        event: 'conflict',
        message_id: messageId,
        origin,
        kept: kept.contentKey,
        refused: refused.contentKey,
      };
    }
  }
}
