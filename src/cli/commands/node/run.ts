import { resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { MeshError } from '../../../base/errors.ts';
import { requireNodeDirectory } from '../../../daemon/directory.ts';
import { readPassphrase } from '../../../daemon/passphrase.ts';
import { settleMemorySoon } from '../../../host/machine/process-memory.ts';
import { act, addCommand, addressOption, logLevelOption, repeatedOption, groupNamed } from '../../command.ts';
import { nodeDeskOf, type NodeDirectoryOptions, withNodeDirectory } from '../../node-directory.ts';
import { startedUnless, untilStopped } from '../../signals.ts';
import { addStatus } from './status.ts';

/** A node that was asked to leave has closed everything long before. */
export const LEAVE_MS_MAX = 10_000;
const LEAVE_PAUSE_MS = 50;

interface RunOptions extends NodeDirectoryOptions {
  readonly passphraseFile?: string;
  readonly listen?: string;
  readonly peer?: readonly string[];
  readonly multicast: boolean;
  readonly logLevel?: string;
}

/** `chainmail node run`, `status` and `leave` */
export function register(program: Command): void {
  const group = groupNamed(program, 'node');

  withNodeDirectory(
    addCommand(
      group,
      'run',
      'run the node: hold links with peers, pass on what is signed, serve programs on this machine',
      'chainmail node run --dir /var/lib/chainmail-node --listen 0.0.0.0:8441',
    ),
  )
    .option('--passphrase-file <file>', 'file whose first line opens the keys (default: DIR/passphrase, or a prompt)')
    .option(
      '--listen <host:port>',
      'where to listen; port 0 is any free one (default: as configured)',
      addressOption(0),
    )
    .option('--peer <host:port>', 'a place to look for a peer; repeatable', repeatedOption(addressOption(1)))
    .option('--no-multicast', 'do not announce this node on the local network, nor listen for others')
    .addOption(logLevelOption('as configured'))
    .action(
      act<RunOptions>(async ({ output, options }) => {
        const { runNode } = await import('../../../daemon/node/run.ts');
        const { directory } = requireNodeDirectory(resolve(options.dir)); // before a passphrase is asked for
        const stopped = untilStopped();
        const starting = runNode({
          directory,
          passphrase: await readPassphrase({ directory, file: options.passphraseFile, environment: process.env }),
          environment: process.env,
          flags: {
            listen: options.listen,
            bootstrap: options.peer,
            multicast: options.multicast ? undefined : false,
            log_level: options.logLevel,
          },
        });
        const running = await startedUnless(stopped, starting);
        const { address, nodeId, mesh } = running;
        output.event(
          { event: 'ready', address, node_id: nodeId, mesh },
          `node ${nodeId} of mesh ${mesh} listens at ${address} (Ctrl-C ends it)`,
        );
        settleMemorySoon();
        await Promise.race([stopped, running.askedToLeave]);
        await running.close();
      }),
    );

  addStatus(group, 'chainmail node status --dir /var/lib/chainmail-node');

  withNodeDirectory(
    addCommand(
      group,
      'leave',
      'have the running node say goodbye to its peers and end',
      'chainmail node leave --dir /var/lib/chainmail-node',
    ),
  ).action(
    act<NodeDirectoryOptions>(async ({ output, options }) => {
      const desk = nodeDeskOf(options);
      await desk.call(z.undefined(), { method: 'POST', path: '/v1/leave' });
      await untilLeft(() => desk.isRunning());
      output.result({ ok: true }, 'the node has left');
    }),
  );
}

/** @throws ERR_INTERNAL where the node still runs after {@link LEAVE_MS_MAX}. */
export async function untilLeft(isRunning: () => Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; await isRunning(); waitedMs += LEAVE_PAUSE_MS) {
    if (waitedMs >= LEAVE_MS_MAX) throw new MeshError('ERR_INTERNAL', 'the node still runs', 'end its process');
    await new Promise((resolve) => setTimeout(resolve, LEAVE_PAUSE_MS));
  }
}
