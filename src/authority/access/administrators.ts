import { MeshError, quoted } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import type { AccessKeyRow } from '../../ports/authority/access-keys.ts';
import type { CertificateRow } from '../../ports/authority/certificates.ts';
import { PAGE_ROWS_MAX } from '../../ports/authority-store.ts';
import { ACCESS_KEYS_MAX } from './access-keys.ts';
import { appendAudit } from '../audit-trail.ts';
import type { AuthorityCore } from '../core.ts';
import { revokeInPlace } from '../revocation/revocation.ts';

/** One credential of an administrator. */
export type AdministratorCredential =
  | { readonly tag: 'access-key'; readonly row: AccessKeyRow }
  | { readonly tag: 'certificate'; readonly row: CertificateRow; readonly status: 'active' | 'revoked' | 'expired' };

/** What an administrator lost. */
export interface Removal {
  readonly accessKeyIds: readonly string[];
  readonly serials: readonly string[];
}

/** Access keys that are good, oldest first, then certificates, newest first: a page of them. */
export async function listAdministrators(core: AuthorityCore): Promise<readonly AdministratorCredential[]> {
  const now = core.clock.wall();
  return core.store.transact(async (tx) => [
    ...(await tx.listAccessKeys(ACCESS_KEYS_MAX)).map((row) => ({ tag: 'access-key', row }) as const),
    ...(await tx.listCertificates('administrator', PAGE_ROWS_MAX)).map(
      (row) => ({ tag: 'certificate', row, status: statusOf(row, now) }) as const,
    ),
  ]);
}

/**
 * Ends an administrator: removes the access keys of this name and revokes its certificates. When this resolves, the list
 * that says so is published. Again is not an error and removes nothing.
 * @throws ERR_NOT_FOUND
 */
export async function removeAdministrator(core: AuthorityCore, name: string, actor: string): Promise<Removal> {
  const at = core.clock.wall();
  const removal = await core.store.transact(async (tx) => {
    const certificates = await tx.certificatesOf('administrator', name);
    const keys = (await tx.listAccessKeys(ACCESS_KEYS_MAX)).filter((row) => row.name === name);
    if (keys.length + certificates.length === 0)
      throw new MeshError(
        'ERR_NOT_FOUND',
        `administrator ${quoted(name)} is not known here`,
        'see: chainmail admin list --dir DIR',
      );
    for (const row of keys) await tx.putAccessKey({ ...row, removedAt: at });
    const revoked = await revokeInPlace(tx, at, certificates, 'privilegeWithdrawn');
    const accessKeyIds = keys.map((row) => row.accessKeyId);
    const serials = revoked.map((row) => row.serial);
    if (keys.length + revoked.length > 0)
      await appendAudit(tx, {
        at,
        actor,
        action: 'administrator-removed',
        subject: name,
        detail: { access_key_ids: accessKeyIds.join(' '), serials: serials.join(' ') },
      });
    return { accessKeyIds, serials };
  });
  if (removal.serials.length > 0) await core.crls.publishNow();
  return removal;
}

function statusOf({ revokedAt, notAfter }: CertificateRow, now: UnixMs): 'active' | 'revoked' | 'expired' {
  if (revokedAt !== undefined) return 'revoked';
  return notAfter > now ? 'active' : 'expired';
}
