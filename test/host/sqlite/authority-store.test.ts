import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import type { UnixMs } from '../../../src/base/time.ts';
import type { CertificateRow } from '../../../src/ports/authority/certificates.ts';
import { AUTHORITY_DATABASE } from '../../../src/host/sqlite/authority-schema.ts';
import { SqliteAuthorityStore } from '../../../src/host/sqlite/authority-store.ts';
import { closeDatabase, openDatabase } from '../../../src/host/sqlite/database.ts';
import { describeAuthorityStore, TICKET } from '../../support/suites/authority-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = (): string => join(folder, `authority-${files++}.db`);

describeAuthorityStore('sqlite', async () => SqliteAuthorityStore.open(newPath(), 'create'));

const at = (ms: number): UnixMs => ms as UnixMs;

const OLD_ROWS = `
  INSERT INTO nodes VALUES ('n2', '${'b2'.repeat(32)}', 6, NULL), ('n1', '${'b1'.repeat(32)}', 5, 6);
  INSERT INTO certificates VALUES
    (1, '1ff', 4, 'node', 'n1', '${'b1'.repeat(32)}', 'relay operator', 1, 99, x'3000', 7, 'superseded'),
    (2, '2f', 9, 'node', 'n1', '${'b3'.repeat(32)}', '', 2, 99, x'3000', NULL, NULL),
    (5, '3f', NULL, 'administrator', 'n1', '${'b4'.repeat(32)}', '', 2, 99, x'3000', NULL, NULL);
  INSERT INTO enrolments VALUES ('${'aa'.repeat(32)}', '${'b1'.repeat(32)}', '1ff', 8);
`;

function writeAsSchema4(path: string, rows: string): void {
  const older = { ...AUTHORITY_DATABASE, migrations: AUTHORITY_DATABASE.migrations.slice(0, 4) };
  const database = openDatabase(path, older, 'create');
  database.exec(rows);
  closeDatabase(database, path);
}

describe('the authority’s database file', () => {
  it('keeps what was committed when it is opened again, readable by its owner only', async () => {
    const path = newPath();
    const store = SqliteAuthorityStore.open(path, 'create');
    await store.transact((tx) => tx.putTicket(TICKET));
    await store.close();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const again = SqliteAuthorityStore.open(path, 'create');
    assert.deepEqual(await again.transact((tx) => tx.findTicket(TICKET.tokenHash)), TICKET);
    await again.close();
  });

  it('puts work that arrives together into one commit', async () => {
    const path = newPath();
    const store = SqliteAuthorityStore.open(path, 'create');
    const watcher = new DatabaseSync(path);
    const version = () => Number(watcher.prepare('PRAGMA data_version').get()?.['data_version']);
    const before = version();
    await Promise.all(Array.from({ length: 100 }, (_, i) => store.transact((tx) => tx.setMeta('epoch', String(i)))));
    assert.notEqual(version(), before);
    const frames = statSync(`${path}-wal`).size / 4_120;
    assert.ok(frames < 30, `${frames} pages in the write-ahead log: each change paid for its own commit`);
    watcher.close();
    await store.close();
  });

  it('refuses a file that is no database', () => {
    const path = newPath();
    writeFileSync(path, 'not a database, but long enough to be looked at as one'.repeat(20));
    assert.throws(() => SqliteAuthorityStore.open(path, 'create'), { code: 'ERR_STATE_CORRUPT' });
  });

  it('refuses a damaged page', async () => {
    const path = newPath();
    const store = SqliteAuthorityStore.open(path, 'create');
    await store.transact(async (tx) => {
      for (let i = 0; i < 200; i++) await tx.putTicket({ ...TICKET, tokenHash: `${i}`.padStart(64, '0') });
    });
    await store.close();
    const size = statSync(path).size;
    const file = new Uint8Array(size - 4096).fill(0xa5);
    const { openSync, writeSync, closeSync } = await import('node:fs');
    const fd = openSync(path, 'r+');
    writeSync(fd, file, 0, file.length, 4096);
    closeSync(fd);
    assert.throws(() => SqliteAuthorityStore.open(path, 'create'), { code: 'ERR_STATE_CORRUPT' });
  });

  it('refuses a database of another program', () => {
    const path = newPath();
    const other = new DatabaseSync(path);
    other.exec('CREATE TABLE t (a); PRAGMA application_id=7');
    other.close();
    assert.throws(() => SqliteAuthorityStore.open(path, 'create'), { code: 'ERR_STATE_FOREIGN' });
  });

  it('refuses a schema from a newer program', () => {
    const path = newPath();
    const later = { ...AUTHORITY_DATABASE, migrations: [...AUTHORITY_DATABASE.migrations, 'CREATE TABLE later (a)'] };
    closeDatabase(openDatabase(path, later, 'create'), path);
    const newer = new RegExp(`schema ${AUTHORITY_DATABASE.migrations.length + 1},`);
    assert.throws(() => SqliteAuthorityStore.open(path, 'create'), { code: 'ERR_STATE_FOREIGN', message: newer });
  });

  it('brings every older schema up to date, with what is in it', async () => {
    for (const steps of AUTHORITY_DATABASE.migrations.keys()) {
      const path = newPath();
      const older = { ...AUTHORITY_DATABASE, migrations: AUTHORITY_DATABASE.migrations.slice(0, steps + 1) };
      const database = openDatabase(path, older, 'create');
      database.exec("INSERT INTO meta (key, value) VALUES ('mesh', 'm1')");
      closeDatabase(database, path);
      const store = SqliteAuthorityStore.open(path, 'create');
      assert.equal(await store.transact((tx) => tx.getMeta('mesh')), 'm1');
      assert.deepEqual(await store.transact((tx) => tx.listAccessKeys(1)), []);
      await store.close();
    }
  });

  it('takes over certificates, nodes and what tickets have bought from the schema that kept them as text', async () => {
    const path = newPath();
    writeAsSchema4(path, OLD_ROWS);
    const store = SqliteAuthorityStore.open(path, 'refuse');
    await store.transact(async (tx) => {
      const node = { nodeId: 'n1', identitySpkiHash: 'b1'.repeat(32), boundAt: 5, revokedAt: 6 };
      assert.deepEqual(await tx.findNode('n1'), node);
      assert.equal(await tx.countNodes(), 2);
      const [newest, first] = await tx.certificatesOf('node', 'n1');
      assert.deepEqual([newest?.serial, newest?.tokenHash], ['2f', undefined]);
      assert.deepEqual(
        { ...first, der: [...(first?.der ?? [])] },
        {
          serial: '1ff',
          issueIndex: 4,
          kind: 'node',
          subject: 'n1',
          spkiHash: 'b1'.repeat(32),
          tokenHash: 'aa'.repeat(32),
          roles: ['relay', 'operator'],
          notBefore: 1,
          notAfter: 99,
          der: [0x30, 0],
          revokedAt: 7,
          revokedReason: 'superseded',
        },
      );
      assert.equal((await tx.findCertificate('1ff'))?.subject, 'n1');
      const standing = await tx.standingOfKey('b1'.repeat(32), 'aa'.repeat(32));
      assert.deepEqual([standing.isRevoked, standing.certificate?.serial], [true, '1ff']);
      assert.equal((await tx.certificatesOf('administrator', 'n1'))[0]?.serial, '3f');
      assert.deepEqual(
        (await tx.listRevoked(at(0))).map((row) => row.serial),
        ['1ff'],
      );
      assert.deepEqual(
        (await tx.listNodes(undefined, 9)).map((row) => [row.node.nodeId, row.newest.serial]),
        [['n1', '2f']],
      );
      assert.equal(await tx.nextIssueIndex(), 10);
    });
    await store.close();
  });

  it('takes over certificates from the schema that kept whole serials and hashes in its indexes', async () => {
    const path = newPath();
    const older = { ...AUTHORITY_DATABASE, migrations: AUTHORITY_DATABASE.migrations.slice(0, 6) };
    const database = openDatabase(path, older, 'create');
    const [key, serial] = ['b1'.repeat(32), 'c1'.repeat(16)];
    database.exec(`
      INSERT INTO nodes VALUES (3, 'n1', x'${key}', 5, NULL);
      INSERT INTO certificates VALUES
        (2, x'${serial}', 4, 'node', 3, NULL, x'${key}', x'${'aa'.repeat(32)}', 'relay', 1, 99, x'3000', 7, 'superseded'),
        (7, x'${'c2'.repeat(16)}', NULL, 'administrator', NULL, 'ann', x'${'b2'.repeat(32)}', NULL, '', 1, 99, x'3001', NULL, NULL);
    `);
    closeDatabase(database, path);
    const store = SqliteAuthorityStore.open(path, 'refuse');
    await store.transact(async (tx) => {
      const found = await tx.findCertificate(serial);
      assert.deepEqual([found?.subject, found?.issueIndex, found?.revokedReason], ['n1', 4, 'superseded']);
      assert.deepEqual(
        (await tx.certificatesOfKey(key)).map((row) => row.serial),
        [serial],
      );
      assert.deepEqual(await tx.certificatesOfKey(`${'b1'.repeat(31)}00`), []);
      assert.equal((await tx.certificatesOf('administrator', 'ann'))[0]?.serial, 'c2'.repeat(16));
      assert.equal((await tx.standingOfKey(key, 'aa'.repeat(32))).isRevoked, true);
    });
    await store.close();
  });

  it('refuses a serial that begins like another, and lets nothing of either be lost', async () => {
    const store = SqliteAuthorityStore.open(newPath(), 'create');
    const node = { nodeId: 'n1', identitySpkiHash: 'b1'.repeat(32), boundAt: at(5), revokedAt: undefined };
    const first: CertificateRow = {
      serial: `${'c1'.repeat(8)}${'01'.repeat(8)}`,
      issueIndex: 1,
      kind: 'node',
      subject: 'n1',
      spkiHash: 'b1'.repeat(32),
      tokenHash: undefined,
      roles: [],
      notBefore: at(0),
      notAfter: at(99),
      der: Uint8Array.of(0x30, 0),
      revokedAt: undefined,
      revokedReason: undefined,
    };
    const second = { ...first, serial: `${'c1'.repeat(8)}${'02'.repeat(8)}`, issueIndex: 2, revokedAt: at(1) };
    await store.transact(async (tx) => {
      await tx.putNode(node);
      await tx.putCertificate(first);
    });
    await assert.rejects(
      store.transact((tx) => tx.putCertificate(second)),
      { code: 'ERR_INTERNAL', message: /certificates_by_serial/ },
    );
    await store.transact(async (tx) => {
      assert.equal((await tx.findCertificate(first.serial))?.revokedAt, undefined);
      assert.equal(await tx.findCertificate(second.serial), undefined);
    });
    await store.close();
  });

  it('refuses an older file whose rows contradict each other, and leaves it as it was', () => {
    const path = newPath();
    writeAsSchema4(path, `${OLD_ROWS} DELETE FROM nodes WHERE node_id = 'n1';`);
    for (let i = 0; i < 2; i++)
      assert.throws(() => SqliteAuthorityStore.open(path, 'refuse'), { code: 'ERR_STATE_CORRUPT' });
    const database = new DatabaseSync(path);
    assert.equal(database.prepare('SELECT count(*) AS n FROM enrolments').get()?.['n'], 1);
    database.close();
  });

  it('is whole after a migration that failed: none of its steps stays', () => {
    const path = newPath();
    const broken = { ...AUTHORITY_DATABASE, migrations: ['CREATE TABLE a (b)', 'NOT SQL'] };
    assert.throws(() => openDatabase(path, broken, 'create'));
    SqliteAuthorityStore.open(path, 'create'); // as if new
  });
});
