import type { Command } from 'commander';
import { recordsResponseSchema } from '../../../api/node-programs.ts';
import { recordsJson } from '../../../http/node/programs/get-records.ts';
import { act, addCommand } from '../../command.ts';
import { heldBy, type NodeDirectoryOptions, withNodeDirectory } from '../../node-directory.ts';
import { renderTable } from '../../table.ts';

/** `chainmail records` */
export function register(program: Command): void {
  withNodeDirectory(
    addCommand(
      program,
      'records',
      'what nodes of the mesh have said of themselves, as this node holds it, running or not',
      'chainmail records --dir /var/lib/chainmail-node',
    ),
  ).action(
    act<NodeDirectoryOptions>(async ({ output, options }) => {
      const list = await heldBy(options, output, {
        schema: recordsResponseSchema,
        path: '/v1/records',
        atRest: recordsJson,
      });
      const rows = list.records.map(({ node_id, name, version, addresses }) => [
        node_id,
        name,
        version,
        addresses.join(' ') || '-',
      ]);
      output.result(list, renderTable(['NODE', 'NAME', 'VERSION', 'ADDRESSES'], rows, 'no records yet'));
    }),
  );
}
