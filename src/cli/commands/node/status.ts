import type { Command } from 'commander';
import { type StatusResponse, statusResponseSchema } from '../../../api/node-programs.ts';
import { SECOND_MS, type UnixMs } from '../../../base/time.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import { CLOCK_SKEW_MS_MAX } from '../../../node/time/time-floor.ts';
import { act, addCommand } from '../../command.ts';
import { nodeDeskOf, type NodeDirectoryOptions, withNodeDirectory } from '../../node-directory.ts';
import { relativeTime } from '../../relative-time.ts';
import { renderTable } from '../../table.ts';

/** `chainmail status`, which is also `chainmail node status`. */
export function register(program: Command): void {
  addStatus(program, 'chainmail status --dir /var/lib/chainmail-node');
}

export function addStatus(parent: Command, example: string): void {
  withNodeDirectory(
    addCommand(parent, 'status', 'who the running node is, whom it is linked with, what it has counted', example),
  ).action(
    act<NodeDirectoryOptions>(async ({ output, options }) => {
      const status = await nodeDeskOf(options).call(statusResponseSchema, {
        method: 'GET',
        path: '/v1/status',
      });
      output.result(status, render(status));
    }),
  );
}

function render(status: StatusResponse): string {
  const now = systemClock.wall();
  const { certificate, counters, crls, links, messages } = status;
  const dropped = Object.entries(counters.dropped).map(([reason, count]) => `${count} ${reason}`);
  const lines = [
    `node         ${status.node_id} (${status.name}), mesh ${status.mesh}`,
    `listens at   ${status.addresses.join(', ')}`,
    `started      ${relativeTime(status.started_at, now)}, version ${status.version}`,
    `certificate  ${certificate.serial}, ${endOf(certificate, now)}${certificate.roles.length === 0 ? '' : `, roles ${certificate.roles.join(' ')}`}`,
    ...(status.clock_behind_sec * SECOND_MS > CLOCK_SKEW_MS_MAX
      ? [`clock        BEHIND what the authority has signed, by ${status.clock_behind_sec} s: set it`]
      : []),
    `revocations  ${crls.length === 0 ? 'no list yet' : crls.map((crl) => `list ${crl.number}, made ${relativeTime(crl.this_update, now)}${crl.kept === 0 ? '' : `, and ${crl.kept} that it no longer names`}`).join('; ')}`,
    `messages     ${messages.held} held; ${counters.accepted} taken, ${counters.published} of them published here`,
    `dropped      ${dropped.length === 0 ? 'nothing' : dropped.join(', ')}`,
    `refused      ${counters.handshakes_refused} handshakes; ${counters.dials_failed} dials failed`,
    '',
  ];
  const rows = links.map((link) => [link.node_id, link.direction, link.address]);
  return `${lines.join('\n')}${renderTable(['LINKED WITH', 'DIRECTION', 'ADDRESS'], rows, 'no links')}`;
}

function endOf({ revoked, state, not_after }: StatusResponse['certificate'], now: UnixMs): string {
  if (revoked) return 'REVOKED';
  const when = relativeTime(not_after, now);
  if (state === 'ended')
    return `ENDED ${when}: no other node takes this one any more; stop it and enrol it again with a new ticket`;
  return state === 'ending' ? `ends ${when}: soon; have a new ticket ready` : `ends ${when}`;
}
