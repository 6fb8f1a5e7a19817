import type { Command } from 'commander';
import { peersResponseSchema } from '../../../api/node-gossip.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import { act, addCommand } from '../../command.ts';
import { nodeDeskOf, type NodeDirectoryOptions, withNodeDirectory } from '../../node-directory.ts';
import { relativeTime } from '../../relative-time.ts';
import { renderTable } from '../../table.ts';

/** `chainmail peers` */
export function register(program: Command): void {
  withNodeDirectory(
    addCommand(
      program,
      'peers',
      'nodes that this node is or was linked with',
      'chainmail peers --dir /var/lib/chainmail-node',
    ),
  ).action(
    act<NodeDirectoryOptions>(async ({ output, options }) => {
      const list = await nodeDeskOf(options).call(peersResponseSchema, {
        method: 'GET',
        path: '/v1/mesh/peers',
      });
      const now = systemClock.wall();
      const rows = list.peers.map(({ node_id, status, last_seen, address }) => [
        node_id,
        status === 'connected' ? 'connected' : `last seen ${relativeTime(last_seen, now)}`,
        address ?? '-',
      ]);
      output.result(list, renderTable(['NODE', 'STATUS', 'ADDRESS'], rows, 'no peers yet'));
    }),
  );
}
