import { ticketRequestSchema } from '../../../api/authority.ts';
import { parseBody } from '../../../api/schema.ts';
import { TICKET_FORMAT, type Ticket } from '../../../api/ticket.ts';
import { checkTicketWish, TICKET_LIFE_MS_DEFAULT } from '../../../authority/enrollment/ticket.ts';
import { SECOND_MS, toRfc3339 } from '../../../base/time.ts';
import type { HttpApp } from '../../server.ts';
import { actorOf, requireAdministrator } from '../credential.ts';
import { peersJson } from '../render.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `POST /v1/tickets`: a ticket for one node or many. The answer is the only time that its token is seen. */
export function postTickets(app: HttpApp, deps: AuthorityDeps): void {
  const { authority, endpoint } = deps;
  app.post('/v1/tickets', { preParsing: requireAdministrator(deps) }, async (request, reply) => {
    const body = parseBody(ticketRequestSchema, request.body ?? {});
    const wish = checkTicketWish({
      nodeId: body.node_id,
      rebind: body.rebind ?? false,
      roles: body.roles ?? [],
      lifeMs: body.ttl_sec === undefined ? TICKET_LIFE_MS_DEFAULT : body.ttl_sec * SECOND_MS,
      usesMax: body.uses ?? 1,
    });
    const { id, token, expiresAt, nodeId, roles } = await authority.createTicket(wish, actorOf(request));
    const ticket: Ticket = {
      format: TICKET_FORMAT,
      mesh: authority.issuer.mesh,
      endpoint: body.endpoint ?? endpoint(),
      trust_anchor: authority.issuer.rootPem,
      token,
      expires_at: toRfc3339(expiresAt),
      bootstrap_peers: peersJson(await authority.bootstrapPeers(nodeId)),
      ...(nodeId === undefined ? {} : { node_id: nodeId }),
      ...(roles.length === 0 ? {} : { roles: [...roles] }),
    };
    return reply.code(201).send({ id, ticket });
  });
}
