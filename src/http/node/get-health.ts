import type { HttpApp } from '../server.ts';
import type { NodeService } from './deps.ts';

/** `GET /healthz`: the process answers, and of which mesh it is. */
export function getHealth(app: HttpApp, { service }: { readonly service: NodeService }): void {
  const health = { status: 'ok', mesh: service.node.mesh, node_id: service.node.self } as const;
  app.get('/healthz', async () => health);
}
