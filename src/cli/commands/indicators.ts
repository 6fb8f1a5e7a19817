import { resolve } from 'node:path';
import type { Command } from 'commander';
import { indicatorsResponseSchema } from '../../api/node-programs.ts';
import { NodeDesk } from '../../daemon/node-desk.ts';
import { systemClock } from '../../host/system-clock.ts';
import { act, addCommand } from '../command.ts';
import { relativeTime } from '../relative-time.ts';
import { renderTable } from '../table.ts';

/** `chainmail indicators` */
export function register(program: Command): void {
  addCommand(
    program,
    'indicators',
    'the indicators that are valid now, for blocklists and detection rules',
    'chainmail indicators --dir /var/lib/chainmail-node --json',
  )
    .requiredOption('--dir <dir>', 'directory of the node')
    .action(
      act<{ readonly dir: string }>(async ({ output, options }) => {
        const list = await new NodeDesk(resolve(options.dir)).call(indicatorsResponseSchema, {
          method: 'GET',
          path: '/v1/indicators',
        });
        const now = systemClock.wall();
        const rows = list.indicators.map(({ kind, risk, valid_until, origin, labels, value }) => [
          kind,
          String(risk),
          relativeTime(valid_until, now),
          origin,
          labels.join(',') || '-',
          value,
        ]);
        output.result(list, renderTable(['KIND', 'RISK', 'ENDS', 'ORIGIN', 'LABELS', 'VALUE'], rows, 'no indicators'));
      }),
    );
}
