import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import {
  closeDatabase,
  DATABASE_BUSY_MS_MAX,
  type DatabaseKind,
  openDatabase,
} from '../../../src/host/sqlite/database.ts';
import { tempDir } from '../../support/temp-dir.ts';

const KIND: DatabaseKind = {
  applicationId: 0x434d7465,
  migrations: ['CREATE TABLE notes (text TEXT) STRICT;'],
  remedy: 'make it anew',
};

describe('a database file', () => {
  it('that another process holds is waited for so long, and then given up', (t) => {
    const path = join(tempDir(t), 'test.db');
    const database = openDatabase(path, KIND, 'create');
    t.after(() => closeDatabase(database, path));
    assert.deepEqual({ ...database.prepare('PRAGMA busy_timeout').get() }, { timeout: DATABASE_BUSY_MS_MAX });
    database.exec('PRAGMA busy_timeout = 20'); // the test need not wait as long
    const other = new DatabaseSync(path);
    t.after(() => other.close());
    other.exec('BEGIN IMMEDIATE');
    const write = (): void => database.exec("INSERT INTO notes VALUES ('x')");
    assert.throws(write, /locked/);
    other.exec('ROLLBACK');
    write();
  });
});
