import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { nodesResponseSchema, type RevokeResult, revokeResultSchema } from '../../../api/authority.ts';
import { MeshError } from '../../../base/errors.ts';
import { parseSpkiHash, readReason } from '../../../authority/revocation/revocation.ts';
import type { AuthorityDesk } from '../../../daemon/authority/desk.ts';
import { parseNodeId } from '../../../identity/node-id.ts';
import { parseSerial } from '../../../pki/x509/certificate/certificate.ts';
import { act, addCommand, durationOption, textOption } from '../../command.ts';
import type { Output } from '../../output.ts';
import { atAuthority, type AuthorityDirectoryOptions, withAuthorityDirectory } from '../../authority-directory.ts';

/** How often `--watch` looks who has caught up. */
const WATCH_PAUSE_MS = 500;

interface RevokeOptions extends AuthorityDirectoryOptions {
  readonly nodeId?: string;
  readonly serial?: string;
  readonly key?: string;
  readonly reason?: string;
  readonly watch?: boolean;
  readonly timeout?: number;
}

/** `chainmail revoke` */
export function register(program: Command): void {
  withAuthorityDirectory(
    addCommand(
      program,
      'revoke',
      'shut a node out for good: its certificates, its links, its messages',
      'chainmail revoke --dir /var/lib/chainmail --node-id gate-7 --reason key-compromise --watch',
    ),
  )
    .option('--node-id <id>', 'the node, with every certificate it has', textOption(parseNodeId))
    .option('--serial <hex>', 'one certificate; case, colons and leading zeros do not matter', textOption(parseSerial))
    .option(
      '--key <hash>',
      'every certificate of a key: hex of the SHA-256 of its SubjectPublicKeyInfo',
      textOption(parseSpkiHash),
    )
    .option(
      '--reason <reason>',
      'key-compromise, cessation-of-operation, superseded, privilege-withdrawn, or another of RFC 5280',
      textOption(readReason),
    )
    .option('--watch', 'wait until every node says that it enforces this, and show who lags')
    .option('--timeout <span>', 'with --watch: how long to wait at most (default: for ever)', durationOption)
    .action(
      act<RevokeOptions>(async ({ output, options }) => {
        const { nodeId, serial, key, reason } = options;
        const named = [nodeId, serial, key].filter((name) => name !== undefined);
        if (named.length !== 1)
          throw new MeshError('ERR_USAGE', 'say what to revoke: one of --node-id, --serial and --key');
        const body = {
          ...(nodeId === undefined ? {} : { node_id: nodeId }),
          ...(serial === undefined ? {} : { serial }),
          ...(key === undefined ? {} : { key }),
          ...(reason === undefined ? {} : { reason }),
        };
        await atAuthority(options, async (desk) => {
          const result = await desk.call(revokeResultSchema, { method: 'POST', path: '/v1/revoke', body });
          const text = `${result.node_id} is revoked (${count(result.serials.length, 'certificate')}), list number ${result.crl_number}`;
          if (options.watch !== true) return output.result(result, text);
          output.note(text);
          if (!desk.isRunning)
            throw new MeshError(
              'ERR_NOT_RUNNING',
              `${result.node_id} is revoked, but no authority runs here that would tell the nodes`,
              `start it: chainmail authority run --dir ${options.dir}; then look at: chainmail nodes --dir ${options.dir}`,
            );
          return watch(output, desk, result, options.timeout);
        });
      }),
    );
}

/** Prints a line each time that more nodes have said that they enforce the list; ends when all have. */
async function watch(
  output: Output,
  desk: AuthorityDesk,
  result: RevokeResult,
  timeoutMs: number | undefined,
): Promise<void> {
  let last = '';
  for (let waitedMs = 0; ; waitedMs += WATCH_PAUSE_MS) {
    const { nodes } = await desk.call(nodesResponseSchema, { method: 'GET', path: '/v1/nodes' });
    // Who never checked in runs no node of ours: it admits nobody, and would be waited for in vain.
    const active = nodes.filter(({ status, last_seen }) => status === 'active' && last_seen !== undefined);
    const lagging = active.filter(({ crl_number = 0 }) => crl_number < result.crl_number).map(({ node_id }) => node_id);
    const line = {
      enforced_by: active.length - lagging.length,
      of: active.length,
      lagging,
      crl_number: result.crl_number,
    };
    const text = JSON.stringify(line);
    if (text !== last) {
      const waiting =
        lagging.length === 0 ? '' : `; waiting for ${lagging.slice(0, 5).join(', ')}${lagging.length > 5 ? ', …' : ''}`;
      output.event(line, `enforced by ${line.enforced_by} of ${line.of}${waiting}`);
      last = text;
    }
    if (lagging.length === 0) return;
    if (timeoutMs !== undefined && waitedMs >= timeoutMs)
      throw new MeshError(
        'ERR_UNREACHABLE',
        `${count(lagging.length, 'node')} did not catch up in time`,
        'they will when they are back: chainmail nodes',
      );
    await pause(WATCH_PAUSE_MS);
  }
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
