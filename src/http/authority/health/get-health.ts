import { MeshError } from '../../../base/errors.ts';
import type { HttpApp } from '../../server.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `GET /healthz`: the process answers. `GET /readyz`: it can do its work, else 503 and why not. */
export function getHealth(app: HttpApp, { authority, version, notReady }: AuthorityDeps): void {
  const health = { status: 'ok', mesh: authority.issuer.mesh, version } as const;
  app.get('/healthz', { exposeHeadRoute: true }, async () => health);
  app.get('/readyz', { exposeHeadRoute: true }, async () => {
    const reason = await notReady();
    if (reason !== undefined) throw new MeshError('ERR_NOT_READY', reason);
    return health;
  });
}
