import { MeshError, quoted } from '../base/errors.ts';
import { parseRole } from '../identity/capability.ts';
import { type NodeId, parseNodeId } from '../identity/node-id.ts';

/** Whom a message is for, where it is not for everybody. Relays carry it all the same. */
export type Audience =
  | { readonly tag: 'node'; readonly nodeId: NodeId; readonly text: string }
  | { readonly tag: 'role'; readonly role: string; readonly text: string };

/** @throws ERR_MESSAGE_MALFORMED unless `text` is a node id or `role:NAME`. */
export function parseAudience(text: string): Audience {
  try {
    if (text.startsWith('role:')) return { tag: 'role', role: parseRole(text.slice(5)), text };
    return { tag: 'node', nodeId: parseNodeId(text), text };
  } catch (cause) {
    throw new MeshError(
      'ERR_MESSAGE_MALFORMED',
      `audience ${quoted(text)}, expected a node id or role:NAME`,
      undefined,
      {
        cause,
      },
    );
  }
}

/** Whether a node with these roles should hand the message to its applications. */
export function isAddressedTo(audience: Audience | undefined, nodeId: NodeId, roles: readonly string[]): boolean {
  if (audience === undefined) return true;
  return audience.tag === 'node' ? audience.nodeId === nodeId : roles.includes(audience.role);
}
