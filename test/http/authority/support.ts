import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after } from 'node:test';
import { authorityOpenapi } from '../../../src/api/authority-openapi.ts';
import type { AuthorityDeps, Credential } from '../../../src/http/authority/deps.ts';
import { addAuthorityRoutes } from '../../../src/http/authority/routes.ts';
import { createHttpApp, type HttpApp, type HttpAppOptions } from '../../../src/http/server.ts';
import { authorityWorld, csrPem, newSigner, type WorldOptions } from '../../support/mesh/authority-world.ts';
import { OpenapiCheck } from '../../support/openapi-check.ts';

/** The document itself, and what is answered on the control socket only. */
const UNDESCRIBED = ['/openapi.json', '/v1/key-tree/export', '/v1/key-tree/import', '/v1/key-tree/subtree'];

/** Whatever a test asks for: each answer is as `/openapi.json` says. */
const openapi = new OpenapiCheck(authorityOpenapi('1.2.3'));
const disagreements = new Set<string>();
after(() => assert.deepEqual([...disagreements], []));

export interface AppOptions extends WorldOptions {
  readonly rate?: HttpAppOptions['rate'];
  readonly enrollPerMinute?: number;
  readonly onUnexpected?: (error: unknown) => void;
}

/** An authority behind its HTTP interface, without a socket; `as` says who the next request comes from. */
export async function authorityApp(options: AppOptions = {}) {
  const world = await authorityWorld(options);
  let credential: Credential = { tag: 'none' };
  const deps: AuthorityDeps = {
    authority: world.authority,
    endpoint: () => 'https://ca.test:8440',
    version: '1.2.3',
    clock: world.clock,
    hosts: ['authority.depot', 'ca.test'],
    credentialOf: () => credential,
    enrollPerMinute: options.enrollPerMinute ?? 10_000,
    notReady: () => world.authority.whyNotReady(),
  };
  const { rate, onUnexpected = () => {} } = options;
  const app: HttpApp = await createHttpApp({ createServer, rate, onUnexpected });
  const routes: string[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    if (!UNDESCRIBED.includes(url)) routes.push(...[method].flat().map((name) => `${name} ${url}`));
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const path = request.routeOptions.url;
    if (path === undefined || UNDESCRIBED.includes(path) || !['GET', 'POST', 'DELETE'].includes(request.method)) return;
    const disagreement = openapi.disagreement({
      method: request.method,
      path,
      status: reply.statusCode,
      contentType: reply.getHeader('content-type')?.toString(),
      body: typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.toString() : '',
    });
    if (disagreement !== undefined) disagreements.add(disagreement);
  });
  addAuthorityRoutes(app, deps);
  const admin = await world.authority.issueAdministrator('alice', await csrPem(newSigner()), 'test');
  return {
    ...world,
    app,
    openapi,
    /** `METHOD /path` of all that is answered over TLS and has to be described. */
    routes,
    administrator: { tag: 'certificate', chain: [admin.der, world.issuer.certificate.der] } as Credential,
    as: (next: Credential): void => {
      credential = next;
    },
  };
}

export const NOBODY: Credential = { tag: 'none' };
export const LOCAL: Credential = { tag: 'local' };
