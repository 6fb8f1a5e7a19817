import { authorityOpenapi } from '../../api/authority-openapi.ts';
import type { HttpApp } from '../server.ts';
import type { AuthorityDeps } from './deps.ts';

/** `GET /openapi.json`: this interface, built from the schemas that parse it. */
export function getOpenapi(app: HttpApp, { version }: AuthorityDeps): void {
  const document = JSON.stringify(authorityOpenapi(version));
  app.get('/openapi.json', async (_request, reply) => reply.type('application/json').send(document));
}
