import type { AccessKeyRow, AccessKeyRows } from '../../../ports/authority/access-keys.ts';
import { type Row, some, type Statements } from '../statements.ts';

/** What the authority's store keeps of signed requests: the keys, and what they have spent. */
export function accessKeyRows(db: Statements): AccessKeyRows {
  return {
    findAccessKey: async (accessKeyId) =>
      some(accessKeyOf, db.one('SELECT * FROM access_keys WHERE access_key_id = ?', accessKeyId)),
    listAccessKeys: async (limit) =>
      db.all('SELECT * FROM access_keys WHERE removed_at IS NULL ORDER BY place LIMIT ?', limit).map(accessKeyOf),
    putAccessKey: async (row) =>
      db.run(
        `INSERT INTO access_keys (access_key_id, name, role, spki, created_at, removed_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (access_key_id) DO UPDATE SET name = excluded.name, role = excluded.role, spki = excluded.spki,
           created_at = excluded.created_at, removed_at = excluded.removed_at`,
        row.accessKeyId,
        row.name,
        row.role,
        row.spki,
        row.createdAt,
        row.removedAt ?? null,
      ),

    isRequestSpent: async (accessKeyId, textHash) =>
      db.one('SELECT 1 AS n FROM spent_requests WHERE access_key_id = ? AND text_hash = ?', accessKeyId, textHash) !==
      undefined,
    countSpentRequests: async (accessKeyId) =>
      db.one('SELECT count(*) AS n FROM spent_requests WHERE access_key_id = ?', accessKeyId)?.number('n') ?? 0,
    putSpentRequest: async (row) =>
      db.run(
        'INSERT INTO spent_requests (access_key_id, text_hash, expires_at) VALUES (?, ?, ?)',
        row.accessKeyId,
        row.textHash,
        row.expiresAt,
      ),
    forgetSpentRequests: async (before) => db.run('DELETE FROM spent_requests WHERE expires_at < ?', before),
  };
}

const accessKeyOf = (row: Row): AccessKeyRow => ({
  accessKeyId: row.text('access_key_id'),
  name: row.text('name'),
  role: row.text('role'),
  spki: row.bytes('spki'),
  createdAt: row.at('created_at'),
  removedAt: row.atOrNone('removed_at'),
});
