import type { BranchRow, DelegateRow, DelegateRows, WalletRow } from '../../../ports/authority/delegates.ts';
import { type Row, some, type Statements } from '../statements.ts';

/** Who may speak for whom: branches of the key tree, statements, wallets. */
export function delegateRows(db: Statements): DelegateRows {
  return {
    listBranches: async () => db.all('SELECT * FROM branches ORDER BY epoch').map(branchOf),
    putBranch: async (row) =>
      db.run(
        'INSERT OR REPLACE INTO branches (epoch, xpub, not_before, not_after, scope) VALUES (?, ?, ?, ?, ?)',
        row.epoch,
        row.xpub,
        row.notBefore,
        row.notAfter,
        row.scope.join(' '),
      ),

    findDelegate: async (id) => some(delegateOf, db.one('SELECT * FROM delegates WHERE id = ?', id)),
    delegatesOf: async (nodeId) =>
      db.all('SELECT * FROM delegates WHERE node_id = ? ORDER BY place', nodeId).map(delegateOf),
    listDelegates: async (limit) =>
      db.all('SELECT * FROM delegates ORDER BY place DESC LIMIT ?', limit).map(delegateOf),
    listRevokedDelegates: async (notAfterMin) =>
      db
        .all('SELECT * FROM delegates WHERE revoked_at IS NOT NULL AND not_after >= ? ORDER BY place', notAfterMin)
        .map(delegateOf),
    putDelegate: async (row) =>
      db.run(
        `INSERT INTO delegates (id, node_id, statement, not_after, revoked_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET revoked_at = excluded.revoked_at`,
        row.id,
        row.nodeId,
        row.statement,
        row.notAfter,
        row.revokedAt ?? null,
      ),

    listWallets: async () => db.all('SELECT * FROM wallets ORDER BY address').map(walletOf),
    putWallet: async (row) =>
      db.run(
        'INSERT OR REPLACE INTO wallets (address, scope, not_after, revoked_below) VALUES (?, ?, ?, ?)',
        row.address,
        row.scope.join(' '),
        row.notAfter,
        row.revokedBelow ?? null,
      ),
  };
}

const branchOf = (row: Row): BranchRow => ({
  epoch: row.number('epoch'),
  xpub: row.text('xpub'),
  notBefore: row.at('not_before'),
  notAfter: row.at('not_after'),
  scope: row.text('scope').split(' '),
});

const delegateOf = (row: Row): DelegateRow => ({
  id: row.text('id'),
  nodeId: row.text('node_id'),
  statement: row.bytes('statement'),
  notAfter: row.at('not_after'),
  revokedAt: row.atOrNone('revoked_at'),
});

const walletOf = (row: Row): WalletRow => ({
  address: row.text('address'),
  scope: row.words('scope'),
  notAfter: row.at('not_after'),
  revokedBelow: row.atOrNone('revoked_below'),
});
