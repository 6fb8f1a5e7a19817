import type { z } from 'zod';
import { type RevokeResult, revokeRequestSchema } from '../../../api/authority.ts';
import { parseBody } from '../../../api/schema.ts';
import { type RevocationTarget, readReason } from '../../../authority/revocation/revocation.ts';
import type { HttpApp } from '../../server.ts';
import { actorOf, requireAdministrator } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/**
 * `POST /v1/revoke` (seed 001 section 7.3): by serial, or a node with everything it has. 204, again too. Who asks for
 * JSON (`Accept: application/json`, as our own commands do) is told the serials.
 */
export function postRevoke(app: HttpApp, deps: AuthorityDeps): void {
  app.post('/v1/revoke', { preParsing: requireAdministrator(deps) }, async (request, reply) => {
    const body = parseBody(revokeRequestSchema, request.body);
    const reason = readReason(body.reason);
    const outcome = await deps.authority.revoke(targetOf(body), reason, actorOf(request));
    reply.header('chainmail-crl-number', String(outcome.crlNumber));
    if (request.headers.accept !== 'application/json') return reply.code(204).send();
    const { nodeId, serials, crlNumber } = outcome;
    return { node_id: nodeId, serials: [...serials], crl_number: crlNumber } satisfies RevokeResult;
  });
}

function targetOf({ serial, node_id, key }: z.output<typeof revokeRequestSchema>): RevocationTarget {
  if (serial !== undefined) return { tag: 'serial', serial };
  return key === undefined ? { tag: 'node', nodeId: node_id as string } : { tag: 'key', spkiHash: key };
}
