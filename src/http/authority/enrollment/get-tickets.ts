import type { HttpApp } from '../../server.ts';
import { requireAdministrator } from '../credential.ts';
import { ticketJson } from '../render.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `GET /v1/tickets`: tickets and what became of them, newest first; never a token. */
export function getTickets(app: HttpApp, deps: AuthorityDeps): void {
  app.get('/v1/tickets', { preParsing: requireAdministrator(deps) }, async () => {
    return { tickets: (await deps.authority.listTickets()).map(ticketJson) };
  });
}
