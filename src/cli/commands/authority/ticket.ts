import { resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  TICKET_LIFE_SEC_MAX,
  TICKET_USES_MAX,
  ticketCreatedSchema,
  ticketsResponseSchema,
} from '../../../api/authority.ts';
import { endpointSchema, renderTicket } from '../../../api/ticket.ts';
import { MeshError, quoted } from '../../../base/errors.ts';
import { SECOND_MS } from '../../../base/time.ts';
import { ADMINISTRATOR_ROLE, parseRole, type Role, ROLE_CAPABILITIES } from '../../../identity/capability.ts';
import { MODE_SECRET } from '../../../host/files/atomic-file.ts';
import { createFileFrom } from '../../../host/files/new-file.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import { relativeTime } from '../../relative-time.ts';
import { parseNodeId } from '../../../identity/node-id.ts';
import { act, addCommand, addGroup, integerOption, repeatedOption, spanOption, textOption } from '../../command.ts';
import type { Output } from '../../output.ts';
import { renderTable } from '../../table.ts';
import { atAuthority, type AuthorityDirectoryOptions, withAuthorityDirectory } from '../../authority-directory.ts';

interface CreateOptions extends AuthorityDirectoryOptions {
  readonly nodeId?: string;
  readonly role?: readonly string[];
  readonly ttl?: number;
  readonly uses?: number;
  readonly rebind?: boolean;
  readonly endpoint?: string;
  readonly out: string;
}

/** `chainmail ticket …` */
export function register(program: Command): void {
  const group = addGroup(program, 'ticket', 'enrolment tickets: one file lets a machine join');
  for (const add of [addCreate, addList, addCancel]) add(group);
}

function addCreate(group: Command): void {
  withAuthorityDirectory(
    addCommand(
      group,
      'create',
      'write a ticket; it is a secret, carry it to the node on a safe way',
      'chainmail ticket create --dir /var/lib/chainmail --ttl 1h --out gate-7.ticket',
    ),
  )
    .requiredOption('--out <file>', 'the file to write (mode 0600); must not exist')
    .option(
      '--node-id <id>',
      'a chosen name for the node; by default its id comes from its key',
      textOption(parseNodeId),
    )
    .option('--rebind', 'take that name from the key that holds it; its certificates are revoked')
    .option(
      '--role <role>',
      `a role to grant: ${[...ROLE_CAPABILITIES.keys()].join(', ')}, or a word that only addresses messages; repeatable`,
      repeatedOption(parseRole),
    )
    .option(
      '--ttl <span>',
      'how long it can be redeemed, 1s to 30d (default: 1h)',
      spanOption(SECOND_MS, TICKET_LIFE_SEC_MAX * SECOND_MS),
    )
    .option('--uses <n>', 'how many nodes it enrols (default: 1)', integerOption(1, TICKET_USES_MAX))
    .option(
      '--endpoint <url>',
      'https://HOST:PORT, where nodes reach the authority another way than by default',
      textOption(checkEndpoint),
    )
    .action(
      act<CreateOptions>(async ({ output, options }) => {
        const body = ticketBody(options);
        for (const role of options.role ?? []) warnOfUnknown(role, output);
        const { id, ticket } = await atAuthority(options, (desk) =>
          createFileFrom(options.out, MODE_SECRET, async () => {
            const made = await desk.call(ticketCreatedSchema, { method: 'POST', path: '/v1/tickets', body });
            return { content: renderTicket(made.ticket), made };
          }),
        );
        const { mesh, endpoint, expires_at, node_id } = ticket;
        output.result(
          {
            ok: true,
            id,
            file: resolve(options.out),
            mesh,
            endpoint,
            expires_at,
            ...(node_id === undefined ? {} : { node_id }),
          },
          `ticket ${id} written to ${options.out}; it expires ${relativeTime(expires_at, systemClock.wall())}\nnext, on the node: chainmail node enroll --dir DIR --ticket ${options.out}`,
        );
      }),
    );
}

function addList(group: Command): void {
  withAuthorityDirectory(
    addCommand(group, 'list', 'tickets and what became of them', 'chainmail ticket list --dir /var/lib/chainmail'),
  ).action(
    act<AuthorityDirectoryOptions>(async ({ output, options }) => {
      const list = await atAuthority(options, (desk) =>
        desk.call(ticketsResponseSchema, { method: 'GET', path: '/v1/tickets' }),
      );
      const rows = list.tickets.map((ticket) => [
        ticket.id,
        ticket.status,
        `${ticket.uses_spent}/${ticket.uses}`,
        relativeTime(ticket.expires_at, systemClock.wall()),
        ticket.node_id ?? '-',
        ticket.roles.join(' ') || '-',
      ]);
      output.result(list, renderTable(['ID', 'STATUS', 'USED', 'EXPIRES', 'NODE', 'ROLES'], rows, 'no tickets yet'));
    }),
  );
}

function addCancel(group: Command): void {
  withAuthorityDirectory(
    addCommand(
      group,
      'cancel <id>',
      'make a ticket worth nothing',
      'chainmail ticket cancel 3f9a0c117b2e44d0 --dir /var/lib/chainmail',
    ),
  ).action(
    act<AuthorityDirectoryOptions>(async ({ output, options, args }) => {
      const [id = ''] = args;
      await atAuthority(options, (desk) =>
        desk.call(z.undefined(), { method: 'DELETE', path: `/v1/tickets/${encodeURIComponent(id)}` }),
      );
      output.result({ ok: true, id }, `ticket ${id} is cancelled`);
    }),
  );
}

function checkEndpoint(text: string): void {
  if (!endpointSchema.safeParse(text).success) throw new MeshError('ERR_USAGE', 'expected https://HOST:PORT');
}

function ticketBody(options: CreateOptions): object {
  const { nodeId, rebind, role, ttl, uses, endpoint } = options;
  if (nodeId !== undefined && uses !== undefined && uses > 1)
    throw new MeshError('ERR_USAGE', '--uses above 1 and --node-id exclude each other');
  if (rebind === true && nodeId === undefined) throw new MeshError('ERR_USAGE', '--rebind needs --node-id');
  return {
    ...(nodeId === undefined ? {} : { node_id: nodeId }),
    ...(rebind === true ? { rebind } : {}),
    ...(role === undefined ? {} : { roles: role }),
    ...(ttl === undefined ? {} : { ttl_sec: Math.floor(ttl / SECOND_MS) }),
    ...(uses === undefined ? {} : { uses }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}

/** A word of the operator's own may be meant, for messages to `role:WORD`; a misspelt one grants less than was wanted. */
function warnOfUnknown(role: string, output: Output): void {
  if (ROLE_CAPABILITIES.has(role as Role) || role === ADMINISTRATOR_ROLE) return;
  const known = [...ROLE_CAPABILITIES.keys()].join(', ');
  output.note(
    `chainmail: warning: role ${quoted(role)} grants nothing, unless «roles» in the authority’s chainmail.yaml says otherwise; messages to role:${role} reach its nodes. Roles of every mesh: ${known}`,
  );
}
