import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AUDIT_START, AUDIT_TEXT_CHARS_MAX, chainEntry, findBreak } from '../../src/audit/audit-log.ts';
import type { UnixMs } from '../../src/base/time.ts';
import type { AuditRow } from '../../src/ports/authority/audit.ts';

function chain(count: number): AuditRow[] {
  const rows: AuditRow[] = [];
  for (let i = 0; i < count; i++)
    rows.push(
      chainEntry(rows.at(-1), {
        at: (1_000 + i) as UnixMs,
        actor: 'local',
        action: 'enrolled',
        subject: `n${i}`,
        detail: { serial: 'ab', index: i, nothing: undefined },
      }),
    );
  return rows;
}

test('entries are numbered from one and bound to the one before', () => {
  const [first, second] = chain(2);
  assert.equal(first?.sequence, 1);
  assert.equal(first?.previousHash, AUDIT_START);
  assert.equal(second?.previousHash, first?.hash);
  assert.deepEqual(second?.detail, [
    ['index', '1'],
    ['serial', 'ab'],
  ]);
});

test('an honest log has no break, whole or from any row on', () => {
  const rows = chain(5);
  assert.equal(findBreak(undefined, rows), undefined);
  assert.equal(findBreak(rows[1], rows.slice(2)), undefined);
});

const TAMPERING: readonly [string, (rows: AuditRow[]) => AuditRow[], number, string][] = [
  ['a changed subject', (rows) => rows.with(2, { ...(rows[2] as AuditRow), subject: 'x' }), 3, 'hash'],
  ['a changed detail', (rows) => rows.with(2, { ...(rows[2] as AuditRow), detail: [['serial', 'ac']] }), 3, 'hash'],
  ['a changed time', (rows) => rows.with(0, { ...(rows[0] as AuditRow), at: 0 as UnixMs }), 1, 'hash'],
  ['a row taken out', (rows) => rows.toSpliced(2, 1), 3, 'sequence'],
  ['a row put in', (rows) => rows.toSpliced(2, 0, rows[1] as AuditRow), 3, 'sequence'],
  ['two rows exchanged', (rows) => [rows[1], rows[0], ...rows.slice(2)] as AuditRow[], 1, 'sequence'],
  [
    'a row taken out and the rest renumbered',
    (rows) => rows.toSpliced(2, 1).map((row, i) => ({ ...row, sequence: i + 1 })),
    3,
    'previous-hash',
  ],
];
for (const [name, tamper, sequence, reason] of TAMPERING)
  test(`a break is found: ${name}`, () =>
    assert.deepEqual(findBreak(undefined, tamper(chain(5))), { sequence, reason }));

test('foreign text is cut', () => {
  const row = chainEntry(undefined, { at: 1 as UnixMs, actor: 'x'.repeat(999), action: 'revoked', subject: 'y' });
  assert.equal(row.actor.length, AUDIT_TEXT_CHARS_MAX + 1);
});
