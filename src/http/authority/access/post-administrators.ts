import { adminRequestSchema, type adminResponseSchema } from '../../../api/authority.ts';
import { parseBody } from '../../../api/schema.ts';
import { chainPem } from '../../../authority/issuer.ts';
import { toRfc3339 } from '../../../base/time.ts';
import type { z } from 'zod';
import type { HttpApp } from '../../server.ts';
import { actorOf, requireAdministrator } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `POST /v1/administrators`: a client certificate for another administrator, whose key stays with its maker. */
export function postAdministrators(app: HttpApp, deps: AuthorityDeps): void {
  const { authority } = deps;
  app.post('/v1/administrators', { preParsing: requireAdministrator(deps) }, async (request, reply) => {
    const { name, csr } = parseBody(adminRequestSchema, request.body);
    const { serial, notAfter, der } = await authority.issueAdministrator(name, csr, actorOf(request));
    const answer = { name, serial, not_after: toRfc3339(notAfter), certificate: chainPem(authority.issuer, der) };
    return reply.code(201).send(answer satisfies z.infer<typeof adminResponseSchema>);
  });
}
