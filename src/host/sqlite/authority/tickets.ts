import type { TicketRow, TicketRows } from '../../../ports/authority/tickets.ts';
import { Remembered } from '../remembered.ts';
import { type Row, some, type Statements } from '../statements.ts';

export function ticketRows(db: Statements): TicketRows {
  /** A fleet that is set up shows the same one a thousand times. */
  const last = new Remembered<TicketRow>(db.changes);
  return {
    findTicket: async (tokenHash) => {
      if (last.value?.tokenHash !== tokenHash)
        last.value = some(ticketOf, db.one('SELECT * FROM tickets WHERE token_hash = ?', tokenHash));
      return last.value;
    },
    findTicketByPrefix: async (prefix) =>
      some(ticketOf, db.one('SELECT * FROM tickets WHERE substr(token_hash, 1, ?) = ? LIMIT 1', prefix.length, prefix)),
    listTickets: async (limit) =>
      db.all('SELECT * FROM tickets ORDER BY created_at DESC, token_hash LIMIT ?', limit).map(ticketOf),
    putTicket: async (row) => {
      const { tokenHash, usesSpent, cancelledAt = null } = row;
      if (last.value?.tokenHash === tokenHash)
        db.run(
          'UPDATE tickets SET uses_spent = ?, cancelled_at = ? WHERE token_hash = ?',
          usesSpent,
          cancelledAt,
          tokenHash,
        );
      else
        db.run(
          `INSERT INTO tickets (token_hash, epoch, created_at, expires_at, uses_max, uses_spent, node_id, rebind, roles,
             cancelled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (token_hash) DO UPDATE SET uses_spent = excluded.uses_spent, cancelled_at = excluded.cancelled_at`,
          tokenHash,
          row.epoch,
          row.createdAt,
          row.expiresAt,
          row.usesMax,
          usesSpent,
          row.nodeId ?? null,
          row.rebind ? 1 : 0,
          row.roles.join(' '),
          cancelledAt,
        );
      if (last.value?.tokenHash === tokenHash) last.value = { ...last.value, usesSpent, cancelledAt: row.cancelledAt };
    },
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
