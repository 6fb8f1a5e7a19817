import { MeshError, quoted } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import type { TicketRow } from '../../ports/authority/tickets.ts';
import { PAGE_ROWS_MAX } from '../../ports/authority-store.ts';
import { appendAudit } from '../audit-trail.ts';
import type { AuthorityCore } from '../core.ts';
import {
  makeTicket,
  TICKET_ID_CHARS,
  ticketIdOf,
  type TicketStatus,
  ticketStatusOf,
  type TicketWish,
} from './ticket.ts';

/** A ticket with its secret, which nobody can show again. */
export interface CreatedTicket {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: UnixMs;
  readonly nodeId: string | undefined;
  readonly roles: readonly string[];
}

export interface ListedTicket {
  readonly id: string;
  readonly status: TicketStatus;
  readonly row: TicketRow;
}

/**
 * Makes a ticket; it is durable, and in the audit log in `actor`'s name, when this resolves. The token is shown this
 * once.
 */
export async function createTicket(core: AuthorityCore, wish: TicketWish, actor: string): Promise<CreatedTicket> {
  const at = core.clock.wall();
  const { token, row } = makeTicket(core.random, core.epoch, at, wish);
  await core.store.transact(async (tx) => {
    await tx.putTicket(row);
    await appendAudit(tx, {
      at,
      actor,
      action: 'ticket-created',
      subject: ticketIdOf(row),
      detail: {
        uses: row.usesMax,
        life_s: wish.lifeMs / 1_000,
        node_id: row.nodeId,
        rebind: row.rebind ? 'true' : undefined,
        roles: row.roles.length === 0 ? undefined : row.roles.join(' '),
      },
    });
  });
  return { id: ticketIdOf(row), token, expiresAt: row.expiresAt, nodeId: row.nodeId, roles: row.roles };
}

/** Newest first, a page of them. */
export async function listTickets(core: AuthorityCore): Promise<readonly ListedTicket[]> {
  const rows = await core.store.transact((tx) => tx.listTickets(PAGE_ROWS_MAX));
  return rows.map((row) => summaryOf(core, row));
}

/**
 * Makes a ticket worth nothing. What it has enrolled stays. Again is not an error.
 * @param id as `ticket list` shows it.
 * @throws ERR_NOT_FOUND
 */
export async function cancelTicket(core: AuthorityCore, id: string, actor: string): Promise<ListedTicket> {
  const at = core.clock.wall();
  return core.store.transact(async (tx) => {
    const row = id.length === TICKET_ID_CHARS ? await tx.findTicketByPrefix(id) : undefined;
    if (row === undefined)
      throw new MeshError(
        'ERR_NOT_FOUND',
        `ticket ${quoted(id)} is not known here`,
        'see: chainmail ticket list --dir DIR',
      );
    if (row.cancelledAt !== undefined) return summaryOf(core, row);
    const cancelled = { ...row, cancelledAt: at };
    await tx.putTicket(cancelled);
    await appendAudit(tx, { at, actor, action: 'ticket-cancelled', subject: id });
    return summaryOf(core, cancelled);
  });
}

function summaryOf(core: AuthorityCore, row: TicketRow): ListedTicket {
  return { id: ticketIdOf(row), status: ticketStatusOf(row, core.epoch, core.clock.wall()), row };
}
