import type { z } from 'zod';
import { delegateRequestSchema } from '../../../api/delegates.ts';
import { parseBody } from '../../../api/schema.ts';
import { DELEGATE_LIFE_MS_DEFAULT } from '../../../authority/delegates/delegates.ts';
import { fromHex } from '../../../base/bytes.ts';
import { SECOND_MS } from '../../../base/time.ts';
import type { DelegateCurve, DelegateKey } from '../../../identity/delegate/delegate-key.ts';
import { scopeOf } from '../../../identity/delegate/scope.ts';
import { subtreeKeyOf } from '../../../identity/delegate/subtree.ts';
import type { HttpApp } from '../../server.ts';
import { actorOf, requireAdministrator } from '../credential.ts';
import { statementJson } from './render-delegates.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `POST /v1/delegates`: the key tree vouches for a device's own key. */
export function postDelegates(app: HttpApp, deps: AuthorityDeps): void {
  const { authority, clock } = deps;
  app.post('/v1/delegates', { preParsing: requireAdministrator(deps) }, async (request, reply) => {
    const body = parseBody(delegateRequestSchema, request.body);
    const wish = {
      nodeId: body.node_id,
      key: keyOf(body),
      scope: scopeOf(body.scope),
      lifeMs: body.ttl_sec === undefined ? DELEGATE_LIFE_MS_DEFAULT : body.ttl_sec * SECOND_MS,
    };
    const statement = await authority.issueDelegate(wish, actorOf(request));
    return reply.code(201).send(statementJson(statement, undefined, 0, clock.wall()));
  });
}

/** @throws ERR_DELEGATE_KEY; ERR_KEY_... for an xpub */
function keyOf({ curve, public_key, xpub }: z.output<typeof delegateRequestSchema>): DelegateKey {
  if (xpub !== undefined) return subtreeKeyOf(xpub);
  return { curve: curve as DelegateCurve, bytes: fromHex(public_key as string) };
}
