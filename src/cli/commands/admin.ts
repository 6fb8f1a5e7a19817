import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { adminResponseSchema } from '../../api/authority.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import { authorityLayout } from '../../daemon/directory.ts';
import { createFileAtomic, MODE_PUBLIC, MODE_SECRET, writeFileAtomic } from '../../host/atomic-file.ts';
import { systemClock } from '../../host/system-clock.ts';
import { act, addCommand, addGroup } from '../command.ts';
import { relativeTime } from '../relative-time.ts';
import { atAuthority, type DirectoryOptions, withDirectory } from './authority.ts';

/** `chainmail admin …` */
export function register(program: Command): void {
  const group = addGroup(program, 'admin', 'who may revoke, list and make tickets');

  withDirectory(
    addCommand(
      group,
      'add <name>',
      'make a client certificate for another administrator',
      'chainmail admin add alice --dir /var/lib/chainmail --out /home/alice',
    ),
  )
    .option('--out <dir>', 'where NAME.pem and NAME.key go (default: DIR/admin)')
    .action(
      act<DirectoryOptions & { readonly out?: string }>(async ({ output, options, args }) => {
        const [name = ''] = args;
        const folder = options.out === undefined ? authorityLayout(resolve(options.dir)).admin : resolve(options.out);
        const certificate = join(folder, `${name}.pem`);
        const key = join(folder, `${name}.key`);
        if (existsSync(key) || existsSync(certificate))
          throw new MeshError(
            'ERR_TICKET_EXISTS',
            `${quoted(key)} or ${quoted(certificate)} exists`,
            'choose another name or --out',
          );
        const { makeAdministratorKey } = await import('../../daemon/authority.ts');
        const { csr, keyPem } = await makeAdministratorKey();
        const issued = await atAuthority(options, (desk) =>
          desk.call(adminResponseSchema, { method: 'POST', path: '/v1/administrators', body: { name, csr } }),
        );
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        if (!createFileAtomic(key, keyPem, MODE_SECRET))
          throw new MeshError('ERR_TICKET_EXISTS', `${quoted(key)} exists`);
        writeFileAtomic(certificate, issued.certificate, MODE_PUBLIC);
        output.result(
          { ok: true, name, serial: issued.serial, not_after: issued.not_after, certificate, key },
          `administrator ${name}: ${certificate}, ${key}; it ends ${relativeTime(issued.not_after, systemClock.wall())}`,
        );
      }),
    );
}
