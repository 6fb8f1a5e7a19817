import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { AUDIT_LINE_BYTES_MAX, AuditFile, checkAuditFile } from '../../../src/host/signer/audit-file.ts';
import { tempDir } from '../../support/temp-dir.ts';

function written(t: TestContext, count = 5): { readonly path: string; readonly lines: string[] } {
  const path = join(tempDir(t), 'audit.jsonl');
  const file = AuditFile.open(path);
  for (let i = 0; i < count; i++)
    file.append({ at: '2026-01-01T00:00:00Z', caller: `caller ${i} \u2028\ud800`, note: 'y'.repeat(1_000), i });
  file.close();
  return { path, lines: readFileSync(path, 'utf8').trimEnd().split('\n') };
}

describe('audit file of the signer', () => {
  it('is a chain from the first line, and goes on where it ended', (t) => {
    const { path } = written(t);
    const { entries, head, brokenAt } = checkAuditFile(path);
    assert.deepEqual([entries, brokenAt], [5, undefined]);
    const again = AuditFile.open(path);
    again.append({ last: true });
    again.close();
    const last = readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) as string;
    assert.equal((JSON.parse(last) as { previous: string }).previous, head);
    assert.equal(checkAuditFile(path).entries, 6);
  });

  for (const [what, change, line] of [
    ['changed', (lines: string[]) => lines.with(1, (lines[1] as string).replace('caller 1', 'caller 7')), 3],
    ['taken out', (lines: string[]) => lines.toSpliced(2, 1), 3],
    ['put in', (lines: string[]) => lines.toSpliced(3, 0, '{"i":9}'), 4],
    ['no JSON', (lines: string[]) => lines.with(0, 'null'), 1],
  ] as const)
    it(`breaks behind a line that was ${what}`, (t) => {
      const { path, lines } = written(t);
      writeFileSync(path, `${change(lines).join('\n')}\n`);
      assert.equal(checkAuditFile(path).brokenAt, line);
      assert.throws(() => AuditFile.open(path), { code: 'ERR_STATE_CORRUPT' });
    });

  it('has one writer: another is refused, and the chain stays whole', (t) => {
    const { path } = written(t);
    const [one, other] = [AuditFile.open(path), AuditFile.open(path)];
    one.append({ by: 'one' });
    assert.throws(() => other.append({ by: 'other' }), { code: 'ERR_DIR_LOCKED', message: /another process/ });
    one.append({ by: 'one' });
    one.close();
    other.close();
    assert.deepEqual([checkAuditFile(path).entries, checkAuditFile(path).brokenAt], [7, undefined]);
  });

  it('does not count what is still being written', (t) => {
    const { path } = written(t);
    const { length } = readFileSync(path);
    appendFileSync(path, '{"at":"20');
    assert.deepEqual([checkAuditFile(path).entries, checkAuditFile(path).wholeBytes], [5, length]);
    truncateSync(path, 0);
    assert.equal(checkAuditFile(path).entries, 0);
  });

  it('is followed over any length of the file, and a line that is too long is none of its own', (t) => {
    const { path } = written(t, 100); // more than is read at once
    assert.deepEqual([checkAuditFile(path).entries, checkAuditFile(path).brokenAt], [100, undefined]);
    appendFileSync(path, `{"a":"${'x'.repeat(AUDIT_LINE_BYTES_MAX)}"}\n`);
    assert.equal(checkAuditFile(path).brokenAt, 101);
    assert.throws(() => checkAuditFile(join(path, 'nothing')), { code: 'ERR_INPUT' });
  });
});
