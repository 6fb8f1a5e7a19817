import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { GROUP_WORKS_MAX, GroupCommit, WAITING_WORKS_MAX } from '../../../src/host/sqlite/group-commit.ts';

function openCommits(t: TestContext): { readonly commits: GroupCommit; readonly count: () => number } {
  const database = new DatabaseSync(':memory:');
  t.after(() => database.close());
  let count = 0;
  const exec = database.exec.bind(database);
  database.exec = (sql) => {
    if (sql === 'COMMIT') count++;
    exec(sql);
  };
  return { commits: new GroupCommit(database, ':memory:'), count: () => count };
}

describe('group commit', () => {
  it('puts so many pieces of work into one commit, and the next into another', async (t) => {
    const { commits, count } = openCommits(t);
    await Promise.all(Array.from({ length: GROUP_WORKS_MAX }, (_, n) => commits.run(async () => n)));
    assert.equal(count(), 1);
    const more = Array.from({ length: GROUP_WORKS_MAX + 1 }, (_, n) => commits.run(async () => n));
    assert.equal((await Promise.all(more)).at(-1), GROUP_WORKS_MAX);
    assert.equal(count(), 3);
  });

  it('refuses at once what would wait behind too many, and does the others', async (t) => {
    const { commits } = openCommits(t);
    let done = 0;
    const waiting = Array.from({ length: WAITING_WORKS_MAX }, () => commits.run(async () => done++));
    await assert.rejects(
      commits.run(async () => done++),
      { code: 'ERR_OVERLOADED' },
    );
    await Promise.all(waiting);
    assert.equal(done, WAITING_WORKS_MAX);
    await commits.run(async () => done++);
    assert.equal(done, WAITING_WORKS_MAX + 1);
  });
});
