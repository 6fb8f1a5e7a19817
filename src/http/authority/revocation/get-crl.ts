import type { FastifyRequest } from 'fastify';
import { crlQuerySchema } from '../../../api/authority.ts';
import { parseBody } from '../../../api/schema.ts';
import { encodePem } from '../../../codec/pem.ts';
import type { HttpApp } from '../../server.ts';
import type { AuthorityDeps } from '../deps.ts';

/** How long a copy is as good as the original. Nodes ask with `If-None-Match`, so a short time costs little. @tuning */
export const CRL_AGE_SEC_MAX = 10;

const PEM_MEDIA_TYPE = 'application/x-pem-file';
const DER_MEDIA_TYPE = 'application/pkix-crl';

/** `GET /v1/crl` (seed 001 section 7.3): the revocation list, for the world. DER, or PEM where `Accept` asks for it. */
export function getCrl(app: HttpApp, { authority }: AuthorityDeps): void {
  app.get('/v1/crl', { exposeHeadRoute: true }, async (request, reply) => {
    parseBody(crlQuerySchema, request.query);
    const { number, thisUpdate, der } = authority.crl;
    const isPem = wantsPem(request);
    const etag = `"${number}${isPem ? '-pem' : ''}"`;
    reply
      .header('etag', etag)
      .header('vary', 'accept')
      .header('last-modified', new Date(thisUpdate).toUTCString())
      .header('cache-control', `public, max-age=${CRL_AGE_SEC_MAX}`)
      .header('chainmail-crl-number', String(number));
    if (isHeld(request, etag)) return reply.code(304).send();
    if (isPem) return reply.type(PEM_MEDIA_TYPE).send(Buffer.from(encodePem('X509 CRL', der)));
    return reply.type(DER_MEDIA_TYPE).send(Buffer.from(der));
  });
}

function wantsPem(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '')
    .toLowerCase()
    .split(',')
    .some((item) => item.trim().split(';', 1)[0] === PEM_MEDIA_TYPE);
}

/** `If-None-Match` compares weakly (RFC 9110 section 13.1.2). */
function isHeld(request: FastifyRequest, etag: string): boolean {
  const held = request.headers['if-none-match'];
  return held !== undefined && held.split(',').some((item) => ['*', etag].includes(item.trim().replace(/^W\//, '')));
}
