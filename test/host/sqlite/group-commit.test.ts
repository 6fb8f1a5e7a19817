import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { GROUP_WORKS_MAX, GroupCommit, WAITING_WORKS_MAX } from '../../../src/host/sqlite/group-commit.ts';

function openCommits(t: TestContext) {
  const database = new DatabaseSync(':memory:');
  t.after(() => database.close());
  let count = 0;
  const exec = database.exec.bind(database);
  database.exec = (sql) => {
    if (sql === 'COMMIT') count++;
    exec(sql);
  };
  return { commits: new GroupCommit(database, ':memory:'), count: () => count, database };
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

  it('undoes a piece that fails half way, and keeps what its neighbours changed', async (t) => {
    const { commits, count, database } = openCommits(t);
    database.exec('CREATE TABLE t (place INTEGER PRIMARY KEY, a TEXT NOT NULL UNIQUE)');
    const insert = database.prepare('INSERT INTO t (a) VALUES (?)');
    const rename = database.prepare('UPDATE t SET a = ? WHERE a = ?');
    const add = (text: string | null) => commits.changes.run(insert, [text]);
    const outcomes = await Promise.allSettled([
      commits.run(async () => add('first')),
      commits.run(async () => {
        add('half');
        commits.changes.run(rename, ['lost', 'first']);
        add(null); // breaks a rule of the table
      }),
      commits.run(async () => add('second')),
      commits.run(async () => {
        add('late');
        await Promise.resolve();
        throw new Error('boom');
      }),
      commits.run(async () => {
        throw new Error('changed nothing');
      }),
      commits.run(async () => add('third')),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'rejected', 'fulfilled'],
    );
    assert.equal(count(), 1);
    assert.equal(commits.changes.undone, 2);
    assert.deepEqual(
      database
        .prepare('SELECT place, a FROM t')
        .all()
        .map(({ place, a }) => [place, a]),
      [
        [1, 'first'],
        [2, 'second'],
        [3, 'third'],
      ],
    );
  });

  it('refuses the whole group where SQLite gave its transaction up, and nothing of it stays', async (t) => {
    const { commits, database } = openCommits(t);
    database.exec('CREATE TABLE t (a TEXT); CREATE TABLE u (a UNIQUE ON CONFLICT ROLLBACK); INSERT INTO u VALUES (1)');
    const insert = database.prepare('INSERT INTO t VALUES (?)');
    const clash = database.prepare('INSERT INTO u VALUES (1)');
    const outcomes = await Promise.allSettled([
      commits.run(async () => commits.changes.run(insert, ['before'])),
      commits.run(async () => commits.changes.run(clash, [])),
      commits.run(async () => commits.changes.run(insert, ['after'])),
    ]);
    assert.ok(outcomes.every(({ status }) => status === 'rejected'));
    assert.equal(database.prepare('SELECT count(*) AS n FROM t').get()?.['n'], 0);
    await commits.run(async () => commits.changes.run(insert, ['later']));
    assert.equal(database.prepare('SELECT a FROM t').get()?.['a'], 'later');
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
