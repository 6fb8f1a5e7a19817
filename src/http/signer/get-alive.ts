import type { HttpApp } from '../server.ts';

/** `GET /` (seed 004: «liveness»). Needs no token: probes have none. */
export function getAlive(app: HttpApp): void {
  app.get('/', async (_request, reply) => reply.send({ status: 'ok' }));
}
