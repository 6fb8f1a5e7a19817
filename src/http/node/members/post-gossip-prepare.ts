import { type PrepareResponse, prepareRequestSchema } from '../../../api/node-gossip.ts';
import { parseBody } from '../../../api/schema.ts';
import { fromBase64, toBase64 } from '../../../base/bytes.ts';
import { SECOND_MS, toRfc3339 } from '../../../base/time.ts';
import { parseAudience } from '../../../message/audience.ts';
import { parseMessageType } from '../../../message/family.ts';
import { signingIdentityOf } from '../../../node/publishing/publisher.ts';
import type { Certificate } from '../../../pki/x509/certificate/certificate.ts';
import type { HttpApp } from '../../server.ts';
import { requireMember } from './member.ts';
import type { MemberDeps } from '../deps.ts';

/** `POST /v1/mesh/gossip/prepare`: lays out the message that a member with nothing but `openssl` then signs. */
export function postGossipPrepare(app: HttpApp, deps: MemberDeps): void {
  app.post('/v1/mesh/gossip/prepare', async (request): Promise<PrepareResponse> => {
    const body = parseBody(prepareRequestSchema, request.body);
    const { service } = deps;
    const { nodeId, chain } = requireMember(deps, request);
    service.keepChain(chain); // by which the gate judges
    const composed = service.node.prepare(service.now(), signingIdentityOf(nodeId, chain[0] as Certificate), {
      type: parseMessageType(body.type),
      payload: fromBase64(body.payload),
      ttlMs: body.ttl_sec * SECOND_MS,
      audience: body.audience === undefined ? undefined : parseAudience(body.audience),
      contentType: body.content_type,
    });
    return {
      message_id: composed.id,
      origin: composed.origin,
      timestamp: toRfc3339(composed.issuedAt),
      payload: toBase64(composed.payload),
      protected: toBase64(composed.protectedBytes),
      to_be_signed: toBase64(composed.toBeSigned),
    };
  });
}
