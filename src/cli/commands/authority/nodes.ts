import type { Command } from 'commander';
import { nodesResponseSchema } from '../../../api/authority.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import { act, addCommand } from '../../command.ts';
import { relativeTime } from '../../relative-time.ts';
import { renderTable } from '../../table.ts';
import { atAuthority, type AuthorityDirectoryOptions, withAuthorityDirectory } from '../../authority-directory.ts';

/** `chainmail nodes` */
export function register(program: Command): void {
  withAuthorityDirectory(
    addCommand(
      program,
      'nodes',
      'every node that was ever enrolled, as the authority knows it',
      'chainmail nodes --dir /var/lib/chainmail',
    ),
  ).action(
    act<AuthorityDirectoryOptions>(async ({ output, options }) => {
      const list = await atAuthority(options, (desk) =>
        desk.call(nodesResponseSchema, { method: 'GET', path: '/v1/nodes' }),
      );
      const now = systemClock.wall();
      const rows = list.nodes.map((node) => [
        node.node_id,
        node.status,
        relativeTime(node.not_after, now),
        node.last_seen === undefined ? 'never' : relativeTime(node.last_seen, now),
        node.address ?? '-',
        String(node.crl_number ?? '-'),
        node.roles.join(' ') || '-',
      ]);
      output.result(
        list,
        renderTable(['NODE', 'STATUS', 'ENDS', 'SEEN', 'ADDRESS', 'CRL', 'ROLES'], rows, 'no nodes yet'),
      );
    }),
  );
}
