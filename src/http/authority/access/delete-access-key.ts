import type { HttpApp } from '../../server.ts';
import { actorOf, requireAdministrator } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `DELETE /v1/access-keys/:id`: what it signs is refused from now on. 204, again too. */
export function deleteAccessKey(app: HttpApp, deps: AuthorityDeps): void {
  app.delete<{ Params: { id: string } }>(
    '/v1/access-keys/:id',
    { preParsing: requireAdministrator(deps) },
    async (request, reply) => {
      await deps.authority.removeAccessKey(request.params.id, actorOf(request));
      return reply.code(204).send();
    },
  );
}
