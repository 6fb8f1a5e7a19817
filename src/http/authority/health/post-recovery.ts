import { toRfc3339 } from '../../../base/time.ts';
import type { HttpApp } from '../../server.ts';
import { actorOf, requireAdministrator } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `POST /v1/recovery/epoch` after a backup was put back; `POST /v1/recovery/clock` when the clock is right again. */
export function postRecovery(app: HttpApp, deps: AuthorityDeps): void {
  const { authority, clock } = deps;
  const options = { preParsing: requireAdministrator(deps) };
  app.post('/v1/recovery/epoch', options, async (request) => ({ epoch: await authority.beginEpoch(actorOf(request)) }));
  app.post('/v1/recovery/clock', options, async (request) => {
    await authority.acceptClock(actorOf(request));
    return { accepted_at: toRfc3339(clock.wall()) };
  });
}
