import { statisticsJson } from '../../signer/statistics.ts';
import type { HttpApp } from '../server.ts';
import { requireCaller } from './credential.ts';
import type { SignerDeps } from './deps.ts';

/** `GET /stats` (seed 004: «show signed and unsigned records»). Every replica tells the same. */
export function getStats(app: HttpApp, { store, clock, callers }: SignerDeps): void {
  app.get('/stats', { preParsing: requireCaller(callers) }, async (_request, reply) =>
    reply.send(await statisticsJson(store, clock.wall())),
  );
}
