import { treeExportSchema, treeImportSchema } from '../../../api/delegates.ts';
import { parseBody } from '../../../api/schema.ts';
import { toHex } from '../../../base/bytes.ts';
import { parsePath } from '../../../identity/key-tree/derivation-path.ts';
import type { HttpApp } from '../../server.ts';
import { actorOf, requireLocal } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/**
 * `POST /v1/key-tree/export` and `/import`: the master key's backup; `/subtree`: a device's keys, where it cannot make its
 * own. On the control socket only.
 */
export function postKeyTree(app: HttpApp, deps: AuthorityDeps): void {
  const { authority } = deps;
  app.post('/v1/key-tree/export', { preParsing: requireLocal(deps) }, async (request) => {
    const { what, path = 'm' } = parseBody(treeExportSchema, request.body);
    return authority.exportTree(what, parsePath(path), actorOf(request));
  });
  app.post('/v1/key-tree/subtree', { preParsing: requireLocal(deps) }, async (request, reply) =>
    reply.code(201).send(await authority.createSubtree(actorOf(request))),
  );
  app.post('/v1/key-tree/import', { preParsing: requireLocal(deps) }, async (request) => {
    const { mnemonic } = parseBody(treeImportSchema, request.body);
    return { fingerprint: toHex(await authority.importTree(mnemonic, actorOf(request))) };
  });
}
