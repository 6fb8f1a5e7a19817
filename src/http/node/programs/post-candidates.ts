import { candidateRequestSchema } from '../../../api/node-programs.ts';
import { parseBody } from '../../../api/schema.ts';
import { parseNodeId } from '../../../identity/node-id.ts';
import { parseAddress } from '../../../message/payloads/address.ts';
import type { HttpApp } from '../../server.ts';
import type { ProgramDeps } from '../deps.ts';

/** `POST /v1/candidates`: a place where a node may listen, told by hand. Whoever answers there must prove who it is. */
export function postCandidates(app: HttpApp, { service }: ProgramDeps): void {
  app.post('/v1/candidates', async (request, reply) => {
    const { address, node_id } = parseBody(candidateRequestSchema, request.body);
    service.handleCandidate({
      address: parseAddress(address),
      source: 'bootstrap',
      ...(node_id === undefined ? {} : { nodeId: parseNodeId(node_id) }),
    });
    return reply.code(204).send();
  });
}
