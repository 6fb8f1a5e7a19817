import type { HttpApp } from '../../server.ts';
import { requireAdministrator } from '../credential.ts';
import { delegatesJson } from './render-delegates.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `GET /v1/delegates`: branches, epochs, wallets, and every statement with what became of it, newest first. */
export function getDelegates(app: HttpApp, deps: AuthorityDeps): void {
  const { authority, clock } = deps;
  app.get('/v1/delegates', { preParsing: requireAdministrator(deps) }, async () =>
    delegatesJson(authority.issuer.mesh, await authority.listDelegates(), clock.wall()),
  );
}
