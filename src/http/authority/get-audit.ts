import { auditQuerySchema, type AuditResponse } from '../../api/authority.ts';
import { parseBody } from '../../api/schema.ts';
import { toRfc3339 } from '../../base/time.ts';
import type { HttpApp } from '../server.ts';
import { requireAdministrator } from './credential.ts';
import type { AuthorityDeps } from './deps.ts';

/** `GET /v1/audit`: the audit log, oldest first, with the hashes that chain it. */
export function getAudit(app: HttpApp, deps: AuthorityDeps): void {
  app.get('/v1/audit', { preParsing: requireAdministrator(deps) }, async (request): Promise<AuditResponse> => {
    const { after, limit } = parseBody(auditQuerySchema, request.query);
    const rows = await deps.authority.listAudit(after, limit);
    const entries = rows.map(({ at, detail, previousHash, ...row }) => ({
      ...row,
      at: toRfc3339(at),
      detail: detail.map(([name, value]) => ({ name, value })),
      previous_hash: previousHash,
    }));
    return { entries, next: entries.length < limit ? null : (entries.at(-1)?.sequence ?? null) };
  });
}
