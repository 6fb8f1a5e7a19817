import type { IndicatorsResponse } from '../../../api/node-programs.ts';
import { toRfc3339, type UnixMs } from '../../../base/time.ts';
import type { MeshNode } from '../../../node/mesh-node.ts';
import type { HttpApp } from '../../server.ts';
import type { ProgramDeps } from '../deps.ts';

/** `GET /v1/indicators`: the indicators that are valid now, for blocklists and detection rules (seed 001 section 6.1). */
export function getIndicators(app: HttpApp, { service }: ProgramDeps): void {
  app.get('/v1/indicators', async () => indicatorsJson(service.node, service.now().wall));
}

/** What a node holds, whether it runs or not. */
export function indicatorsJson({ holdings }: MeshNode, now: UnixMs): IndicatorsResponse {
  return {
    indicators: holdings.validIndicators(now).map(({ kind, value, risk, labels, origin, messageId, validUntil }) => ({
      kind,
      value,
      risk,
      labels: [...labels],
      origin,
      message_id: messageId,
      valid_until: toRfc3339(validUntil),
    })),
  };
}
