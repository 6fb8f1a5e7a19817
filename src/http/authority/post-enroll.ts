import { type EnrollResponse, enrollRequestSchema } from '../../api/authority.ts';
import { parseBody } from '../../api/schema.ts';
import { chainPem } from '../../authority/issuer.ts';
import { clientKeyOf } from '../rate.ts';
import { type HttpApp, socketOf } from '../server.ts';
import { peersJson } from './render.ts';
import type { AuthorityDeps } from './routes.ts';

/** `POST /v1/enroll` (seed 001 section 7.1): a ticket's token and a CSR for a certificate. The token is the credential. */
export function postEnroll(app: HttpApp, { authority, endpoint, enrollPerMinute }: AuthorityDeps): void {
  const config = { rateLimit: { max: enrollPerMinute, timeWindow: 60_000 } };
  app.post('/v1/enroll', { config }, async (request): Promise<EnrollResponse> => {
    const body = parseBody(enrollRequestSchema, request.body);
    const { nodeId, certificate } = await authority.enroll({
      token: body.token,
      csr: body.csr,
      nodeId: body.node_id,
      attestation: body.attestation,
      from: clientKeyOf(socketOf(request).remoteAddress),
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
