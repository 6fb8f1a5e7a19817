import { walletRequestSchema } from '../../../api/delegates.ts';
import { parseBody } from '../../../api/schema.ts';
import { SECOND_MS } from '../../../base/time.ts';
import { scopeOf } from '../../../identity/delegate/scope.ts';
import type { HttpApp } from '../../server.ts';
import { actorOf, requireAdministrator } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `POST /v1/wallets`: the delegates of a wallet may speak in this mesh, or no longer. */
export function postWallets(app: HttpApp, deps: AuthorityDeps): void {
  app.post('/v1/wallets', { preParsing: requireAdministrator(deps) }, async (request) => {
    const { address, scope, ttl_sec } = parseBody(walletRequestSchema, request.body);
    const wish = { address, scope: scopeOf(scope), lifeMs: ttl_sec * SECOND_MS };
    return { crl_number: await deps.authority.grantWallet(wish, actorOf(request)) };
  });
}
