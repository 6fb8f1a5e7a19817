import type { FastifyReply, FastifyRequest } from 'fastify';
import { type EnrollResponse, enrollRequestSchema } from '../../../api/enrollment.ts';
import { parseBody } from '../../../api/schema.ts';
import { clientKeyOf } from '../../../base/client-key.ts';
import { isMeshError } from '../../../base/errors.ts';
import { chainPem } from '../../../authority/issuer.ts';
import { type HttpApp, socketOf } from '../../server.ts';
import { RefusalBudget, RETRY_AFTER_SEC } from './refusal-budget.ts';
import { peersJson } from '../render.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `POST /v1/enroll` (seed 001 section 7.1): a ticket's token and a CSR for a certificate. The token is the credential. */
export function postEnroll(app: HttpApp, { authority, endpoint, enrollPerMinute, clock }: AuthorityDeps): void {
  const config = { rateLimit: { max: enrollPerMinute, timeWindow: 60_000 } };
  const refusals = new RefusalBudget(clock);
  const preParsing = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.header('retry-after', String(RETRY_AFTER_SEC));
    refusals.check(clientOf(request));
    reply.removeHeader('retry-after');
  };
  app.post('/v1/enroll', { config, preParsing }, async (request): Promise<EnrollResponse> => {
    const body = parseBody(enrollRequestSchema, request.body);
    const { nodeId, certificate } = await authority
      .enroll({
        token: body.token,
        csr: body.csr,
        nodeId: body.node_id,
        attestation: body.attestation,
        from: clientOf(request),
      })
      .catch((error: unknown) => {
        if (isMeshError(error)) refusals.note(clientOf(request));
        throw error;
      });
    return {
      node_id: nodeId,
      certificate: chainPem(authority.issuer, certificate.der),
      ca_cert: authority.issuer.caPem,
      config: {
        mesh: authority.issuer.mesh,
        node_id: nodeId,
        bootstrap_peers: peersJson(await authority.bootstrapPeers(nodeId)),
        gossip_fanout: authority.policy.gossipFanout,
        crl_url: `${endpoint()}/v1/crl`,
      },
    };
  });
}

function clientOf(request: FastifyRequest): string {
  return clientKeyOf(socketOf(request).remoteAddress);
}
