import type { HttpApp } from '../../server.ts';
import type { ProgramDeps } from '../deps.ts';

/** `POST /v1/leave`: the node says goodbye to its peers and its process ends. */
export function postLeave(app: HttpApp, { leave }: ProgramDeps): void {
  app.post('/v1/leave', async (_request, reply) => {
    reply.raw.once('close', leave);
    return reply.code(204).send();
  });
}
