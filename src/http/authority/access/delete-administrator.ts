import type { AdministratorRemoved } from '../../../api/authority.ts';
import type { HttpApp } from '../../server.ts';
import { actorOf, requireAdministrator } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `DELETE /v1/administrators/:name`: ends an administrator, with all access keys and certificates. */
export function deleteAdministrator(app: HttpApp, deps: AuthorityDeps): void {
  app.delete<{ Params: { name: string } }>(
    '/v1/administrators/:name',
    { preParsing: requireAdministrator(deps) },
    async (request): Promise<AdministratorRemoved> => {
      const { accessKeyIds, serials } = await deps.authority.removeAdministrator(request.params.name, actorOf(request));
      return { access_key_ids: [...accessKeyIds], serials: [...serials] };
    },
  );
}
