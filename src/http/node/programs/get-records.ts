import type { RecordsResponse } from '../../../api/node-programs.ts';
import type { MeshNode } from '../../../node/mesh-node.ts';
import type { HttpApp } from '../../server.ts';
import type { ProgramDeps } from '../deps.ts';

/** `GET /v1/records`: what nodes have said of themselves (seed 002, information blocks). */
export function getRecords(app: HttpApp, { service }: ProgramDeps): void {
  app.get('/v1/records', async () => recordsJson(service.node));
}

/** What a node holds, whether it runs or not. */
export function recordsJson({ holdings }: MeshNode): RecordsResponse {
  return {
    records: Array.from(holdings.records.values(), ({ nodeId, incarnation, counter, record }) => ({
      node_id: nodeId,
      name: record.name,
      version: record.version,
      addresses: [...record.addresses],
      sequence: `${incarnation}.${counter}`,
    })),
  };
}
