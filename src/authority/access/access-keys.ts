import type { Bytes } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { PublicKey } from '../../crypto/keys/public-key.ts';
import { ADMINISTRATOR_ROLE, AUDITOR_ROLE } from '../../identity/capability.ts';
import { parseAdministratorName } from '../../pki/mesh/mesh-names.ts';
import type { AccessKeyRow } from '../../ports/authority/access-keys.ts';
import { appendAudit } from '../audit-trail.ts';
import type { AuthorityCore } from '../core.ts';

/** Access keys that are good at one time. Administrators are people; each may spend thousands of requests. */
export const ACCESS_KEYS_MAX = 100;

/** As AWS's: capitals and digits. */
const ACCESS_KEY_ID = /^[A-Z0-9]{16,64}$/;

/** Everything, or only what changes nothing. */
const ROLES: readonly string[] = [ADMINISTRATOR_ROLE, AUDITOR_ROLE];

/** What is to be kept of an access key; whoever made it keeps the secret. */
export interface AccessKeyWish {
  readonly accessKeyId: string;
  readonly name: string;
  readonly role: string | undefined;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Bytes;
}

/** @throws ERR_INPUT, ERR_KEY, ERR_ACCESS_KEY_EXISTS for an id that was ever used, ERR_ACCESS_KEYS_FULL. */
export async function addAccessKey(core: AuthorityCore, wish: AccessKeyWish, actor: string): Promise<AccessKeyRow> {
  const row = rowOf(wish, core.clock.wall());
  await core.store.transact(async (tx) => {
    if ((await tx.findAccessKey(row.accessKeyId)) !== undefined)
      throw new MeshError('ERR_ACCESS_KEY_EXISTS', `access key ${row.accessKeyId} was added before`);
    if ((await tx.listAccessKeys(ACCESS_KEYS_MAX)).length >= ACCESS_KEYS_MAX)
      throw new MeshError('ERR_ACCESS_KEYS_FULL', `there are ${ACCESS_KEYS_MAX} access keys`);
    await tx.putAccessKey(row);
    await appendAudit(tx, {
      at: row.createdAt,
      actor,
      action: 'access-key-added',
      subject: row.name,
      detail: { access_key_id: row.accessKeyId, role: row.role },
    });
  });
  return row;
}

/** From now on its requests are refused. Again is not an error. @throws ERR_NOT_FOUND */
export async function removeAccessKey(core: AuthorityCore, accessKeyId: string, actor: string): Promise<void> {
  const at = core.clock.wall();
  await core.store.transact(async (tx) => {
    const row = await tx.findAccessKey(accessKeyId);
    if (row === undefined)
      throw new MeshError(
        'ERR_NOT_FOUND',
        `access key ${quoted(accessKeyId)} is not known here`,
        'see: chainmail admin list --dir DIR',
      );
    if (row.removedAt !== undefined) return;
    await tx.putAccessKey({ ...row, removedAt: at });
    await appendAudit(tx, {
      at,
      actor,
      action: 'access-key-removed',
      subject: row.name,
      detail: { access_key_id: accessKeyId },
    });
  });
}

function rowOf({ accessKeyId, name, role = ADMINISTRATOR_ROLE, spki }: AccessKeyWish, at: UnixMs): AccessKeyRow {
  if (!ACCESS_KEY_ID.test(accessKeyId))
    throw new MeshError('ERR_INPUT', `access key id ${quoted(accessKeyId)} is not 16 to 64 capitals and digits`);
  if (!ROLES.includes(role))
    throw new MeshError('ERR_INPUT', `role ${quoted(role)}: an administrator is ${ROLES.join(' or ')}`);
  const { algorithm } = PublicKey.fromSpki(spki);
  if (algorithm !== 'P-256') throw new MeshError('ERR_KEY', `public key is ${algorithm}, expected P-256`);
  return { accessKeyId, name: parseAdministratorName(name), role, spki, createdAt: at, removedAt: undefined };
}
