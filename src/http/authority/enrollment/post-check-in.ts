import { type CheckInResponse, checkInRequestSchema } from '../../../api/enrollment.ts';
import { parseBody } from '../../../api/schema.ts';
import type { HttpApp } from '../../server.ts';
import { nodeOf, requireNode } from '../credential.ts';
import { peersJson } from '../render.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `POST /v1/checkin`: a node tells where it is and which revocations it enforces, and hears of newer ones and of peers. */
export function postCheckIn(app: HttpApp, deps: AuthorityDeps): void {
  app.post('/v1/checkin', { preParsing: requireNode(deps) }, async (request): Promise<CheckInResponse> => {
    const { nodeId } = nodeOf(request);
    const { address, crl_number, version } = parseBody(checkInRequestSchema, request.body);
    const { crlNumber, peers } = await deps.authority.checkIn({ nodeId, address, crlNumber: crl_number, version });
    return { crl_number: crlNumber, bootstrap_peers: peersJson(peers) };
  });
}
