import { alarmRequestSchema } from '../../../api/authority.ts';
import { parseBody } from '../../../api/schema.ts';
import { fromBase64 } from '../../../base/bytes.ts';
import type { HttpApp } from '../../server.ts';
import { nodeOf, requireNode } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `POST /v1/alarms`: a node met two messages under one id, both well signed (T24). */
export function postAlarms(app: HttpApp, deps: AuthorityDeps): void {
  app.post('/v1/alarms', { preParsing: requireNode(deps) }, async (request, reply) => {
    const { nodeId } = nodeOf(request);
    const { kept, refused } = parseBody(alarmRequestSchema, request.body);
    await deps.authority.reportClone(nodeId, fromBase64(kept), fromBase64(refused));
    return reply.code(204).send();
  });
}
