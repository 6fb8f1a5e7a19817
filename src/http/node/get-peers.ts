import type { PeersResponse } from '../../api/node-gossip.ts';
import type { HttpApp } from '../server.ts';
import type { NodeService } from './deps.ts';
import { peersResponse } from './render.ts';

/** `GET /v1/mesh/peers` (seed 001 section 7.4): for members and for programs alike. */
export function getPeers(app: HttpApp, { service }: { readonly service: NodeService }): void {
  app.get('/v1/mesh/peers', async (): Promise<PeersResponse> => peersResponse(service.node, service.now().wall));
}
