import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  accessKeyResponseSchema,
  administratorRemovedSchema,
  administratorsResponseSchema,
  adminResponseSchema,
} from '../../../api/authority.ts';
import { MeshError, quotedPath } from '../../../base/errors.ts';
import { createFileAtomic, MODE_PUBLIC, MODE_SECRET, writeFileAtomic } from '../../../host/files/atomic-file.ts';
import { makeFolder } from '../../../host/files/folder.ts';
import { cannotWrite } from '../../../host/files/new-file.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import { act, addCommand, addGroup } from '../../command.ts';
import type { Output } from '../../output.ts';
import { relativeTime } from '../../relative-time.ts';
import { renderTable } from '../../table.ts';
import { atAuthority, type AuthorityDirectoryOptions, withAuthorityDirectory } from '../../authority-directory.ts';

interface AddOptions extends AuthorityDirectoryOptions {
  readonly role?: string;
  readonly out?: string;
}

/** `chainmail admin …` */
export function register(program: Command): void {
  const group = addGroup(program, 'admin', 'who may revoke, list and make tickets');
  for (const add of [addAdd, addList, addRemove]) add(group);
}

function addAdd(group: Command): void {
  withAuthorityDirectory(
    addCommand(
      group,
      'add <name>',
      'an access key for an administrator, whose tools sign requests as AWS SigV4A does; or a client certificate',
      'chainmail admin add alice --dir /var/lib/chainmail\nchainmail admin add bob --dir /var/lib/chainmail --out /home/bob',
    ),
  )
    .option(
      '--role <role>',
      'of an access key: administrator, or auditor, who may change nothing (default: administrator)',
    )
    .option('--out <dir>', 'make a client certificate instead: NAME.pem and NAME.key in this folder')
    .action(
      act<AddOptions>(async ({ output, options, args }) => {
        const [name = ''] = args;
        if (options.out === undefined) return addAccessKey(output, options, name);
        if (options.role !== undefined)
          throw new MeshError('ERR_USAGE', '--role is of access keys: a certificate is always an administrator’s');
        return addCertificate(output, options, name, resolve(options.out));
      }),
    );
}

function addList(group: Command): void {
  withAuthorityDirectory(
    addCommand(group, 'list', 'administrators and their credentials', 'chainmail admin list --dir /var/lib/chainmail'),
  ).action(
    act<AuthorityDirectoryOptions>(async ({ output, options }) => {
      const list = await atAuthority(options, (desk) =>
        desk.call(administratorsResponseSchema, { method: 'GET', path: '/v1/administrators' }),
      );
      const rows = list.administrators.map(({ name, credential, id, role, status, not_after }) => [
        name,
        credential,
        id,
        role,
        status,
        not_after === undefined ? 'never' : relativeTime(not_after, systemClock.wall()),
      ]);
      output.result(list, renderTable(['NAME', 'CREDENTIAL', 'ID', 'ROLE', 'STATUS', 'ENDS'], rows, 'nobody yet'));
    }),
  );
}

function addRemove(group: Command): void {
  withAuthorityDirectory(
    addCommand(
      group,
      'remove <who>',
      'end an administrator with all credentials, or one access key by its id',
      'chainmail admin remove alice --dir /var/lib/chainmail',
    ),
  ).action(
    act<AuthorityDirectoryOptions>(async ({ output, options, args }) => {
      const [who = ''] = args;
      const isKey = /^(?=.*[A-Z])[A-Z0-9]+$/.test(who); // names are lower case
      const removed = await atAuthority(options, async (desk) => {
        if (!isKey)
          return desk.call(administratorRemovedSchema, {
            method: 'DELETE',
            path: `/v1/administrators/${encodeURIComponent(who)}`,
          });
        await desk.call(z.undefined(), { method: 'DELETE', path: `/v1/access-keys/${who}` });
        return { access_key_ids: [who], serials: [] };
      });
      const { access_key_ids, serials } = removed;
      const what = [...access_key_ids.map((id) => `access key ${id}`), ...serials.map((id) => `certificate ${id}`)];
      output.result(
        { ok: true, ...removed },
        what.length === 0 ? `${who} has ended before` : `ended: ${what.join(', ')}`,
      );
    }),
  );
}

async function addAccessKey(output: Output, options: AddOptions, name: string): Promise<void> {
  const { makeAccessKey } = await import('../../../daemon/authority/access-key.ts');
  const { accessKeyId, secretAccessKey, publicKeyPem } = makeAccessKey();
  const body = {
    name,
    access_key_id: accessKeyId,
    public_key: publicKeyPem,
    ...(options.role === undefined ? {} : { role: options.role }),
  };
  const { service, region, role } = await atAuthority(options, (desk) =>
    desk.call(accessKeyResponseSchema, { method: 'POST', path: '/v1/access-keys', body }),
  );
  output.result(
    { access_key_id: accessKeyId, secret_access_key: secretAccessKey, service, region, role, name },
    [
      `${role} ${name}; the secret is shown this once and kept nowhere`,
      `  access key id      ${accessKeyId}`,
      `  secret access key  ${secretAccessKey}`,
      `  service, region    ${service}, ${region} (SigV4A)`,
    ].join('\n'),
  );
}

async function addCertificate(output: Output, options: AddOptions, name: string, folder: string): Promise<void> {
  const certificate = join(folder, `${name}.pem`);
  const key = join(folder, `${name}.key`);
  if (existsSync(key) || existsSync(certificate))
    throw new MeshError(
      'ERR_FILE_EXISTS',
      `${quotedPath(key)} or ${quotedPath(certificate)} exists`,
      'choose another name or --out',
    );
  try {
    makeFolder(folder);
  } catch (error) {
    throw cannotWrite('folder', folder, error);
  }
  const { makeAdministratorKey } = await import('../../../daemon/authority/administrator-key.ts');
  const { csr, keyPem } = await makeAdministratorKey();
  const issued = await atAuthority(options, (desk) =>
    desk.call(adminResponseSchema, { method: 'POST', path: '/v1/administrators', body: { name, csr } }),
  );
  if (!createFileAtomic(key, keyPem, MODE_SECRET)) throw new MeshError('ERR_FILE_EXISTS', `${quotedPath(key)} exists`);
  writeFileAtomic(certificate, issued.certificate, MODE_PUBLIC);
  output.result(
    { ok: true, name, serial: issued.serial, not_after: issued.not_after, certificate, key },
    `administrator ${name}: ${certificate}, ${key}; it ends ${relativeTime(issued.not_after, systemClock.wall())}`,
  );
}
