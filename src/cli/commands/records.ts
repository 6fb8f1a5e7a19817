import { resolve } from 'node:path';
import type { Command } from 'commander';
import { recordsResponseSchema } from '../../api/node-programs.ts';
import { NodeDesk } from '../../daemon/node-desk.ts';
import { act, addCommand } from '../command.ts';
import { renderTable } from '../table.ts';

/** `chainmail records` */
export function register(program: Command): void {
  addCommand(
    program,
    'records',
    'what nodes of the mesh have said of themselves',
    'chainmail records --dir /var/lib/chainmail-node',
  )
    .requiredOption('--dir <dir>', 'directory of the node')
    .action(
      act<{ readonly dir: string }>(async ({ output, options }) => {
        const list = await new NodeDesk(resolve(options.dir)).call(recordsResponseSchema, {
          method: 'GET',
          path: '/v1/records',
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
