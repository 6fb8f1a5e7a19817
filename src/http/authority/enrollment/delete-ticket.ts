import type { HttpApp } from '../../server.ts';
import { actorOf, requireAdministrator } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `DELETE /v1/tickets/:id`: the ticket buys nothing any more. 204, again too. */
export function deleteTicket(app: HttpApp, deps: AuthorityDeps): void {
  app.delete<{ Params: { id: string } }>(
    '/v1/tickets/:id',
    { preParsing: requireAdministrator(deps) },
    async (request, reply) => {
      await deps.authority.cancelTicket(request.params.id, actorOf(request));
      return reply.code(204).send();
    },
  );
}
