import type { Brand } from '../../base/brand.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';

/** Names of a node in its certificate: one identity said three ways (RFC 9174 section 4.4.1 for the last). */
export function nodeNames(
  mesh: MeshName,
  nodeId: NodeId,
): { readonly uri: string; readonly dns: string; readonly eid: string } {
  return { uri: `spiffe://${mesh}/node/${nodeId}`, dns: `${nodeId}.${mesh}`, eid: `dtn://${nodeId}/` };
}

/** Names of the authority's own server. `authority` is no node id, so no node can be granted them. */
export function authorityNames(mesh: MeshName): { readonly uri: string; readonly dns: string } {
  return { uri: `spiffe://${mesh}/authority`, dns: `authority.${mesh}` };
}

/** The name of an administrator, unique in the mesh. No node id: it lives in a name space of its own. */
export type AdministratorName = Brand<string, 'AdministratorName'>;

/** @throws ERR_INPUT */
export function parseAdministratorName(text: string): AdministratorName {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text))
    throw new MeshError(
      'ERR_INPUT',
      `administrator name ${quoted(text)} is not lower-case letters, digits and inner hyphens, at most 63`,
    );
  return text as AdministratorName;
}

/** Name of an administrator: a path that no node's URI has, and no DNS name, so it cannot serve as a node. */
export function administratorUri(mesh: MeshName, name: AdministratorName): string {
  return `spiffe://${mesh}/admin/${name}`;
}
