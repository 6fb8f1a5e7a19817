import type { z } from 'zod';
import { delegateRevokeSchema } from '../../../api/delegates.ts';
import { parseBody } from '../../../api/schema.ts';
import type { DelegateTarget } from '../../../authority/authority.ts';
import { fromBase64 } from '../../../base/bytes.ts';
import type { HttpApp } from '../../server.ts';
import { actorOf, requireAdministrator } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `POST /v1/delegates/revoke`: a statement, or everything below an epoch, is void from the next list on. */
export function postDelegatesRevoke(app: HttpApp, deps: AuthorityDeps): void {
  app.post('/v1/delegates/revoke', { preParsing: requireAdministrator(deps) }, async (request) => {
    const target = targetOf(parseBody(delegateRevokeSchema, request.body));
    return { crl_number: await deps.authority.revokeDelegate(target, actorOf(request)) };
  });
}

function targetOf({ id, statement, below_epoch }: z.output<typeof delegateRevokeSchema>): DelegateTarget {
  if (id !== undefined) return { tag: 'id', id };
  if (statement !== undefined) return { tag: 'statement', bytes: fromBase64(statement) };
  return { tag: 'below-epoch', epoch: below_epoch as number };
}
