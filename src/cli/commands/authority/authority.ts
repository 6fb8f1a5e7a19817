import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CERTIFICATE_LIFE_MS_MAX, CERTIFICATE_LIFE_MS_MIN } from '../../../authority/policy.ts';
import { clockResponseSchema, epochResponseSchema } from '../../../api/authority.ts';
import { readPassphrase } from '../../../daemon/passphrase.ts';
import { requireAuthorityDirectory, requireNoAuthority, requireNoNode } from '../../../daemon/directory.ts';
import { parseHost } from '../../../host/machine/interfaces.ts';
import { MESH_NAME_RULE, parseMeshName } from '../../../identity/mesh-name.ts';
import {
  act,
  addCommand,
  addGroup,
  addressOption,
  logLevelOption,
  repeatedOption,
  spanOption,
  textOption,
} from '../../command.ts';
import { startedUnless, untilStopped } from '../../signals.ts';
import {
  atAuthority,
  type AuthorityDirectoryOptions,
  passphraseSources,
  withAuthorityDirectory,
} from '../../authority-directory.ts';

interface InitOptions extends AuthorityDirectoryOptions {
  readonly mesh: string;
  readonly certificateLife?: number;
  readonly listen?: string;
  readonly host?: readonly string[];
}

/** `chainmail authority …` */
export function register(program: Command): void {
  const group = addGroup(program, 'authority', 'make and run the authority of a mesh');
  for (const add of [addInit, addRun, addRecovery]) add(group);
}

function addInit(group: Command): void {
  withAuthorityDirectory(
    addCommand(
      group,
      'init',
      'make a new authority: root, issuing key, first administrator',
      'chainmail authority init --dir /var/lib/chainmail --mesh depot --host ca.depot.example',
    ),
  )
    .requiredOption('--mesh <name>', `name of the mesh: ${MESH_NAME_RULE}`, textOption(parseMeshName))
    .option(
      '--certificate-life <span>',
      'life of a node’s certificate, 1m to 7d (default: 24h)',
      spanOption(CERTIFICATE_LIFE_MS_MIN, CERTIFICATE_LIFE_MS_MAX),
    )
    .option('--listen <host:port>', 'where it will listen (default: 127.0.0.1:8440)', addressOption(0))
    .option('--host <name>', 'a name or address by which nodes reach it; repeatable', repeatedOption(parseHost))
    .action(
      act<InitOptions>(async ({ output, options }) => {
        const { initAuthority } = await import('../../../daemon/authority/init.ts');
        const directory = resolve(options.dir);
        requireNoAuthority(directory); // before a passphrase is asked for
        requireNoNode(directory);
        const layout = await initAuthority({
          directory,
          mesh: parseMeshName(options.mesh),
          passphrase: await readPassphrase({ ...passphraseSources(options), isNew: true }),
          certificateLifeMs: options.certificateLife,
          listen: options.listen,
          hosts: options.host,
        });
        output.result(
          {
            ok: true,
            mesh: options.mesh,
            dir: layout.directory,
            trust_anchor: layout.rootCertificate,
            ca: layout.caCertificates,
            admin_certificate: layout.adminCertificate,
            admin_key: layout.adminKey,
          },
          [
            `authority of mesh ${options.mesh} made in ${layout.directory}`,
            `  trust anchor   ${layout.rootCertificate}`,
            `  administrator  ${layout.adminCertificate}, ${layout.adminKey}`,
            `  root key       ${layout.root} (sealed; carry it away when the mesh stands)`,
            `next: chainmail authority run --dir ${options.dir}`,
          ].join('\n'),
        );
      }),
    );
}

function addRun(group: Command): void {
  withAuthorityDirectory(
    addCommand(
      group,
      'run',
      'serve enrolment, revocation and the list of nodes over HTTPS',
      'chainmail authority run --dir /var/lib/chainmail --listen 0.0.0.0:8440',
    ),
  )
    .option(
      '--listen <host:port>',
      'where to listen; port 0 is any free one (default: as configured)',
      addressOption(0),
    )
    .addOption(logLevelOption('as configured'))
    .action(
      act<AuthorityDirectoryOptions & { readonly listen?: string; readonly logLevel?: string }>(
        async ({ output, options }) => {
          const { directory } = requireAuthorityDirectory(resolve(options.dir)); // before a passphrase is asked for
          const { runAuthority } = await import('../../../daemon/authority/run.ts');
          const stopped = untilStopped();
          const starting = runAuthority({
            directory,
            passphrase: await readPassphrase(passphraseSources(options)),
            environment: process.env,
            flags: { listen: options.listen, log_level: options.logLevel },
          });
          const running = await startedUnless(stopped, starting);
          output.event(
            { event: 'ready', url: running.url, mesh: running.mesh },
            `authority of mesh ${running.mesh} listens at ${running.url} (Ctrl-C ends it)`,
          );
          await stopped;
          await running.close();
        },
      ),
    );
}

/** Commands for the day after. */
function addRecovery(group: Command): void {
  withAuthorityDirectory(
    addCommand(
      group,
      'new-epoch',
      'after a backup was put back: void all tickets that were made before',
      'chainmail authority new-epoch --dir /var/lib/chainmail',
    ),
  ).action(
    act<AuthorityDirectoryOptions>(async ({ output, options }) => {
      const { epoch } = await atAuthority(options, (desk) =>
        desk.call(epochResponseSchema, { method: 'POST', path: '/v1/recovery/epoch' }),
      );
      output.result({ ok: true, epoch }, `epoch ${epoch} begins: tickets made before are void`);
    }),
  );

  withAuthorityDirectory(
    addCommand(
      group,
      'accept-clock',
      'the clock of this machine is right: sign again after it jumped',
      'chainmail authority accept-clock --dir /var/lib/chainmail',
    ),
  ).action(
    act<AuthorityDirectoryOptions>(async ({ output, options }) => {
      const { accepted_at } = await atAuthority(options, (desk) =>
        desk.call(clockResponseSchema, { method: 'POST', path: '/v1/recovery/clock' }),
      );
      output.result({ ok: true, accepted_at }, `clock accepted: it is ${accepted_at}`);
    }),
  );
}
