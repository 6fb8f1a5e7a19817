import { type AccessKeyResponse, accessKeyRequestSchema } from '../../../api/authority.ts';
import { parseBody } from '../../../api/schema.ts';
import { EMPTY } from '../../../base/bytes.ts';
import { parsePem } from '../../../codec/pem.ts';
import { REQUEST_SERVICE } from '../../../message/request/mesh-request.ts';
import type { HttpApp } from '../../server.ts';
import { actorOf, requireAdministrator } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `POST /v1/access-keys`: the public half of an access key, whose secret stays with its maker. */
export function postAccessKeys(app: HttpApp, deps: AuthorityDeps): void {
  const { authority } = deps;
  app.post('/v1/access-keys', { preParsing: requireAdministrator(deps) }, async (request, reply) => {
    const body = parseBody(accessKeyRequestSchema, request.body);
    const [spki = EMPTY] = parsePem(body.public_key, 'PUBLIC KEY');
    const { accessKeyId, name, role } = await authority.addAccessKey(
      { accessKeyId: body.access_key_id, name: body.name, role: body.role, spki },
      actorOf(request),
    );
    const answer: AccessKeyResponse = {
      access_key_id: accessKeyId,
      name,
      role,
      service: REQUEST_SERVICE,
      region: authority.issuer.mesh,
    };
    return reply.code(201).send(answer);
  });
}
