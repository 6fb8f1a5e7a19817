import type { TicketRow, TicketRows } from '../../../ports/authority/tickets.ts';
import { type Row, some, type Statements } from '../statements.ts';

export function ticketRows(db: Statements): TicketRows {
  return {
    findTicket: async (tokenHash) => some(ticketOf, db.one('SELECT * FROM tickets WHERE token_hash = ?', tokenHash)),
    findTicketByPrefix: async (prefix) =>
      some(ticketOf, db.one('SELECT * FROM tickets WHERE substr(token_hash, 1, ?) = ? LIMIT 1', prefix.length, prefix)),
    listTickets: async (limit) =>
      db.all('SELECT * FROM tickets ORDER BY created_at DESC, token_hash LIMIT ?', limit).map(ticketOf),
    putTicket: async (row) =>
      db.run(
        `INSERT INTO tickets (token_hash, epoch, created_at, expires_at, uses_max, uses_spent, node_id, rebind, roles,
           cancelled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (token_hash) DO UPDATE SET uses_spent = excluded.uses_spent, cancelled_at = excluded.cancelled_at`,
        row.tokenHash,
        row.epoch,
        row.createdAt,
        row.expiresAt,
        row.usesMax,
        row.usesSpent,
        row.nodeId ?? null,
        row.rebind ? 1 : 0,
        row.roles.join(' '),
        row.cancelledAt ?? null,
      ),
  };
}

const ticketOf = (row: Row): TicketRow => ({
  tokenHash: row.text('token_hash'),
  epoch: row.number('epoch'),
  createdAt: row.at('created_at'),
  expiresAt: row.at('expires_at'),
  usesMax: row.number('uses_max'),
  usesSpent: row.number('uses_spent'),
  nodeId: row.textOrNone('node_id'),
  rebind: row.number('rebind') === 1,
  roles: row.words('roles'),
  cancelledAt: row.atOrNone('cancelled_at'),
});
