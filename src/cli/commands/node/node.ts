import { resolve } from 'node:path';
import type { Command } from 'commander';
import { TICKET_BYTES_MAX } from '../../../api/ticket.ts';
import { toRfc3339 } from '../../../base/time.ts';
import { requireNoAuthority } from '../../../daemon/directory.ts';
import { readPassphrase } from '../../../daemon/passphrase.ts';
import { readInputFile } from '../../../host/files/input-file.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import { relativeTime } from '../../relative-time.ts';
import { act, addCommand, addGroup } from '../../command.ts';
import { type NodeDirectoryOptions, withNodeDirectory } from '../../node-directory.ts';

interface EnrollOptions extends NodeDirectoryOptions {
  readonly ticket: string;
  readonly passphraseFile?: string;
}

/** `chainmail node …` */
export function register(program: Command): void {
  const group = addGroup(program, 'node', 'make and run a node of a mesh');

  withNodeDirectory(
    addCommand(
      group,
      'enroll',
      'join a mesh with a ticket: makes the key, asks for the certificate',
      'chainmail node enroll --dir /var/lib/chainmail-node --ticket gate-7.ticket',
    ),
  )
    .requiredOption('--ticket <file>', 'the ticket, as «chainmail ticket create» wrote it')
    .option('--passphrase-file <file>', 'file whose first line seals the keys (default: DIR/passphrase, or a prompt)')
    .action(
      act<EnrollOptions>(async ({ output, options }) => {
        const directory = resolve(options.dir);
        requireNoAuthority(directory); // before a passphrase is asked for
        const ticket = readTicketFile(resolve(options.ticket));
        const passphrase = await readPassphrase({
          directory,
          file: options.passphraseFile,
          environment: process.env,
          isNew: true,
        });
        const { enrollNode } = await import('../../../daemon/node/enroll.ts');
        const { mesh, nodeId, notAfter, layout } = await enrollNode({ directory, ticket, passphrase });
        const until = toRfc3339(notAfter);
        output.result(
          {
            ok: true,
            node_id: nodeId,
            mesh,
            not_after: until,
            certificate: layout.certificate,
            ca: layout.caCertificates,
          },
          `enrolled as ${nodeId} in mesh ${mesh}; the certificate ends ${relativeTime(until, systemClock.wall())}\nnext: chainmail node run --dir ${options.dir}`,
        );
      }),
    );
}

function readTicketFile(path: string): string {
  const hint = 'check --ticket: it is the file that «chainmail ticket create» wrote';
  return new TextDecoder().decode(readInputFile(path, TICKET_BYTES_MAX, 'ERR_TICKET_MALFORMED', hint));
}
