import type { NodesResponse } from '../../../api/authority.ts';
import type { NodeSummary } from '../../../authority/enrollment/nodes.ts';
import { toRfc3339 } from '../../../base/time.ts';
import type { HttpApp } from '../../server.ts';
import { requireAdministrator } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `GET /v1/nodes`: every node that was ever enrolled, and what it last said of itself. */
export function getNodes(app: HttpApp, deps: AuthorityDeps): void {
  app.get('/v1/nodes', { preParsing: requireAdministrator(deps) }, async (): Promise<NodesResponse> => {
    return { nodes: (await deps.authority.listNodes()).map(nodeJson) };
  });
}

function nodeJson({ nodeId, status, serial, notAfter, roles, sighting }: NodeSummary): NodesResponse['nodes'][number] {
  return {
    node_id: nodeId,
    status,
    serial,
    not_after: toRfc3339(notAfter),
    roles: [...roles],
    ...(sighting === undefined ? {} : { last_seen: toRfc3339(sighting.seenAt), crl_number: sighting.crlNumber }),
    ...(sighting?.address === undefined ? {} : { address: sighting.address }),
  };
}
