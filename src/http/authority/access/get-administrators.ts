import type { AdministratorsResponse } from '../../../api/authority.ts';
import type { AdministratorCredential } from '../../../authority/access/administrators.ts';
import { toRfc3339 } from '../../../base/time.ts';
import { ADMINISTRATOR_ROLE } from '../../../identity/capability.ts';
import type { HttpApp } from '../../server.ts';
import { requireAdministrator } from '../credential.ts';
import type { AuthorityDeps } from '../deps.ts';

/** `GET /v1/administrators`: who may act as administrator, and with what. */
export function getAdministrators(app: HttpApp, deps: AuthorityDeps): void {
  app.get(
    '/v1/administrators',
    { preParsing: requireAdministrator(deps) },
    async (): Promise<AdministratorsResponse> => ({
      administrators: (await deps.authority.listAdministrators()).map(credentialJson),
    }),
  );
}

function credentialJson(credential: AdministratorCredential): AdministratorsResponse['administrators'][number] {
  if (credential.tag === 'access-key') {
    const { name, role, accessKeyId, createdAt } = credential.row;
    return {
      name,
      credential: 'access-key',
      id: accessKeyId,
      role,
      status: 'active',
      created_at: toRfc3339(createdAt),
    };
  }
  const { subject, serial, notBefore, notAfter } = credential.row;
  return {
    name: subject,
    credential: 'certificate',
    id: serial,
    role: ADMINISTRATOR_ROLE,
    status: credential.status,
    created_at: toRfc3339(notBefore),
    not_after: toRfc3339(notAfter),
  };
}
