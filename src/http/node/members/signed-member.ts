import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { fromBase64 } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import { PublicKey } from '../../../crypto/keys/public-key.ts';
import type { PeerIdentity } from '../../../engine/links/link-end.ts';
import { judgeMeshRequest } from '../../../message/request/mesh-request.ts';
import { malformed } from '../../../message/request/http-request.ts';
import { carriesSignature, readSignedRequest } from '../../../message/request/signed-request.ts';
import { verifySignature } from '../../../message/request/verify-request.ts';
import { type Certificate, parseCertificate } from '../../../pki/x509/certificate/certificate.ts';
import { MESH_CERTIFICATE_BYTES_MAX, MESH_CHAIN_CERTIFICATES_MAX } from '../../../pki/mesh/mesh-profile.ts';
import { bodyStream, headOf, readBody } from '../../signed-body.ts';
import type { MemberDeps } from '../deps.ts';

/** Whether the request speaks for a member by its own signature, and this node takes such ones at all. */
export function isSignedByMember({ signedHosts }: MemberDeps, request: FastifyRequest): boolean {
  return signedHosts.length > 0 && carriesSignature(headOf(request));
}

/**
 * The member that signed a request with the key of its certificate, whoever's connection it came on: a proxy has ended
 * the member's own. Its chain comes along, as the session token. The access key id says nothing.
 *
 * Nothing is remembered of it: there is nothing that a member can ask for twice and get twice.
 *
 * @returns the body again, which the signature covers, for who parses it.
 * @throws ERR_REQUEST_..., ERR_PATH_..., ERR_FORBIDDEN, ERR_BODY_TOO_LARGE
 */
export async function admitSignedMember(
  { service, signedHosts }: MemberDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: Readable,
): Promise<{ readonly member: PeerIdentity; readonly body: Readable }> {
  const signed = readSignedRequest(headOf(request));
  judgeMeshRequest(signed, { now: service.now().wall, mesh: service.node.mesh, hosts: signedHosts });
  const chain = chainIn(signed.securityToken);
  const judgement = service.judge(chain, 'tls-client');
  if (judgement.tag === 'refused') throw new MeshError(judgement.code, judgement.message);
  const body = await readBody(request, reply, payload);
  const publicKey = PublicKey.fromSpki(judgement.leaf.spki);
  verifySignature(signed, { algorithm: 'sigv4a', publicKey }, body, false);
  return { member: { nodeId: judgement.nodeId, chain }, body: bodyStream(body) };
}

/** Certificates as DER in base64, leaf first, parted by commas. */
function chainIn(token: string | undefined): readonly Certificate[] {
  if (token === undefined) throw malformed('request has no security token with the chain of who signed it');
  const parts = token.split(',');
  if (parts.length > MESH_CHAIN_CERTIFICATES_MAX)
    throw new MeshError('ERR_PATH_LIMIT', `chain of more than ${MESH_CHAIN_CERTIFICATES_MAX} certificates`);
  return parts.map((part) => parseCertificate(fromBase64(part.trim()), MESH_CERTIFICATE_BYTES_MAX));
}
