import type { AuditRow, AuditRows, AuditTail } from '../../../ports/authority/audit.ts';
import { Remembered } from '../remembered.ts';
import { type Row, some, type Statements } from '../statements.ts';

export function auditRows(db: Statements): AuditRows {
  const tail = new Remembered<AuditTail>(db.changes);
  return {
    auditTail: async () =>
      (tail.value ??= some(tailOf, db.one('SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1'))),
    listAudit: async (sequenceMin, limit) =>
      db.all('SELECT * FROM audit WHERE sequence >= ? ORDER BY sequence LIMIT ?', sequenceMin, limit).map(auditOf),
    appendAudit: async (row) => {
      db.run(
        `INSERT INTO audit (sequence, at, actor, action, subject, detail, previous_hash, hash)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        row.sequence,
        row.at,
        row.actor,
        row.action,
        row.subject,
        JSON.stringify(row.detail),
        row.previousHash,
        row.hash,
      );
      tail.value = { sequence: row.sequence, hash: row.hash };
    },
  };
}

const tailOf = (row: Row): AuditTail => ({ sequence: row.number('sequence'), hash: row.text('hash') });

const auditOf = (row: Row): AuditRow => ({
  sequence: row.number('sequence'),
  at: row.at('at'),
  actor: row.text('actor'),
  action: row.text('action'),
  subject: row.text('subject'),
  detail: row.json('detail') as AuditRow['detail'], // what appendAudit wrote; the hash chain tells if it was changed
  previousHash: row.text('previous_hash'),
  hash: row.text('hash'),
});
