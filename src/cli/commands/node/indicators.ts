import type { Command } from 'commander';
import { indicatorsResponseSchema } from '../../../api/node-programs.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import { indicatorsJson } from '../../../http/node/programs/get-indicators.ts';
import { act, addCommand } from '../../command.ts';
import { heldBy, type NodeDirectoryOptions, withNodeDirectory } from '../../node-directory.ts';
import { relativeTime } from '../../relative-time.ts';
import { renderTable } from '../../table.ts';

/** `chainmail indicators` */
export function register(program: Command): void {
  withNodeDirectory(
    addCommand(
      program,
      'indicators',
      'the indicators that are valid now, for blocklists and detection rules; of a node that does not run, those it held',
      'chainmail indicators --dir /var/lib/chainmail-node --json',
    ),
  ).action(
    act<NodeDirectoryOptions>(async ({ output, options }) => {
      const list = await heldBy(options, output, {
        schema: indicatorsResponseSchema,
        path: '/v1/indicators',
        atRest: indicatorsJson,
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
