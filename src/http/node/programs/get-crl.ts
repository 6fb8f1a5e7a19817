import type { CrlResponse } from '../../../api/node-programs.ts';
import { toBase64 } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import type { HttpApp } from '../../server.ts';
import type { ProgramDeps } from '../deps.ts';

/** `GET /v1/crls/:issuer`: the newest revocation list that this node has of an issuer, as `GET /v1/status` names them. */
export function getCrl(app: HttpApp, { service }: ProgramDeps): void {
  app.get<{ Params: { issuer: string } }>('/v1/crls/:issuer', async ({ params }) => {
    const held = service.node.crls().find(({ issuerKeyHash }) => issuerKeyHash === params.issuer);
    const issuer = service.node.issuerOf(params.issuer);
    if (held === undefined || issuer === undefined)
      throw new MeshError('ERR_NOT_FOUND', 'no list of this issuer is held');
    const answer: CrlResponse = { crl: toBase64(held.der), issuer: toBase64(issuer.der) };
    return answer;
  });
}
