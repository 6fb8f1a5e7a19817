import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import type { UnixMs } from '../../../src/base/time.ts';
import { AUTHORITY_DATABASE } from '../../../src/host/sqlite/authority-schema.ts';
import { NODE_DATABASE } from '../../../src/host/sqlite/node-schema.ts';
import { closeDatabase, openDatabase } from '../../../src/host/sqlite/database.ts';
import { SqliteNodeStore, type StoreOwner } from '../../../src/host/sqlite/node-store.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import type { NodeChange } from '../../../src/ports/node-store.ts';
import { enlarge, NO_SMALL_DISK, smallDisk } from '../../support/foreign/small-disk.ts';
import { contentOf, describeNodeStore, storedMessage } from '../../support/suites/node-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = (): string => join(folder, `node-${files++}.db`);
const OWNER: StoreOwner = { mesh: parseMeshName('m1'), nodeId: parseNodeId('n1') };

const opened: SqliteNodeStore[] = [];
after(() => Promise.all(opened.map((store) => store.close())));
describeNodeStore('sqlite', async () => {
  const store = SqliteNodeStore.open(newPath(), OWNER);
  opened.push(store);
  return store;
});

describe('a node’s database file', () => {
  it('keeps what was applied when it is opened again, readable by its owner only', async () => {
    const path = newPath();
    const store = SqliteNodeStore.open(path, OWNER);
    await store.apply([{ tag: 'put-message', message: storedMessage(1) }]);
    const before = contentOf(store);
    await store.close();
    await store.close();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const again = SqliteNodeStore.open(path, OWNER);
    assert.deepEqual(contentOf(again), before);
    await again.close();
  });

  it('has what was answered before a kill -9', async () => {
    const path = newPath();
    const program = `
      import { SqliteNodeStore } from ${JSON.stringify(join(import.meta.dirname, '../../../src/host/sqlite/node-store.ts'))};
      const store = SqliteNodeStore.open(${JSON.stringify(path)}, { mesh: 'm1', nodeId: 'n1' });
      for (let n = 1; n <= 50; n++) {
        await store.apply([{ tag: 'put-incarnation', incarnation: n }]);
        console.log(n);
      }
      process.kill(process.pid, 'SIGKILL');`;
    const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    assert.equal(signal, 'SIGKILL');
    const answered = Number(stdout.trim().split('\n').at(-1));
    const store = SqliteNodeStore.open(path, OWNER);
    assert.ok(store.load().incarnation >= answered && answered > 0, `answered ${answered}`);
    await store.close();
  });

  it('applies all of a group or nothing', async () => {
    const store = SqliteNodeStore.open(newPath(), OWNER);
    const bad = {
      tag: 'put-message',
      message: { ...storedMessage(2), receivedAt: Number.NaN as UnixMs },
    } as const satisfies NodeChange;
    await assert.rejects(store.apply([{ tag: 'put-incarnation', incarnation: 5 }, bad]), { code: 'ERR_INTERNAL' });
    assert.deepEqual(contentOf(store), {
      incarnation: 0,
      timeFloor: 0,
      epochFloor: 0,
      walletFloors: [],
      arrivals: 0,
      messages: [],
      chains: [],
      crls: [],
      revocations: [],
    });
    await store.apply([{ tag: 'put-incarnation', incarnation: 6 }]);
    assert.equal(store.load().incarnation, 6);
    await store.close();
  });

  it('refuses the file of another node or mesh, and of another program', async () => {
    const path = newPath();
    await SqliteNodeStore.open(path, OWNER).close();
    assert.throws(() => SqliteNodeStore.open(path, { ...OWNER, nodeId: parseNodeId('n2') }), {
      code: 'ERR_STATE_FOREIGN',
    });
    assert.throws(() => SqliteNodeStore.open(path, { ...OWNER, mesh: parseMeshName('m2') }), {
      code: 'ERR_STATE_FOREIGN',
    });
    const other = newPath();
    closeDatabase(openDatabase(other, AUTHORITY_DATABASE, 'create'), other);
    assert.throws(() => SqliteNodeStore.open(other, OWNER), { code: 'ERR_STATE_FOREIGN' });
  });

  it('refuses a newer schema', async () => {
    const path = newPath();
    await SqliteNodeStore.open(path, OWNER).close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version=99');
    database.close();
    assert.throws(() => SqliteNodeStore.open(path, OWNER), { code: 'ERR_STATE_FOREIGN' });
  });

  it('takes over what a file of the first two schemas keeps, in its order', async () => {
    for (const steps of [1, 2]) {
      const path = newPath();
      const older = { ...NODE_DATABASE, migrations: NODE_DATABASE.migrations.slice(0, steps) };
      const database = openDatabase(path, older, 'create');
      database.exec(`
        INSERT INTO meta VALUES ('mesh', 'm1'), ('node_id', 'n1'), ('incarnation', '7'), ('arrivals', '9');
        INSERT INTO messages VALUES (8, zeroblob(32), 1008, 2008, x'08'), (3, randomblob(32), 1003, 2003, x'03');
        INSERT INTO crls VALUES (x'bb', x'0c');`);
      closeDatabase(database, path);
      const store = SqliteNodeStore.open(path, OWNER);
      assert.deepEqual(contentOf(store), {
        incarnation: 7,
        timeFloor: 0,
        epochFloor: 0,
        walletFloors: [],
        arrivals: 9,
        messages: [
          { arrival: 3, receivedAt: 1003, bytes: '03' },
          { arrival: 8, receivedAt: 1008, bytes: '08' },
        ],
        chains: [],
        crls: ['0c'],
        revocations: [],
      });
      await store.apply([{ tag: 'drop-message', arrival: 3 }]);
      assert.equal(store.read(3), undefined);
      assert.equal(store.read(8)?.toHex(), '08');
      await store.close();
    }
  });

  it('leaves an older file as it was where the disk has no room to take it over, and goes on once there is', async (t) => {
    const disk = smallDisk(t, 4);
    if (disk === undefined) return t.skip(NO_SMALL_DISK);
    const path = join(disk, 'node.db');
    const older = { ...NODE_DATABASE, migrations: NODE_DATABASE.migrations.slice(0, 2) };
    const database = openDatabase(path, older, 'create');
    database.exec(`
      INSERT INTO meta VALUES ('arrivals', '5000');
      WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
      INSERT INTO messages SELECT i, randomblob(32), 1, 2, zeroblob(600) FROM n;`);
    closeDatabase(database, path);
    writeFileSync(join(disk, 'filler'), new Uint8Array(2 ** 21));
    assert.throws(() => SqliteNodeStore.open(path, OWNER), { code: 'ERR_STORAGE' });
    enlarge(disk, 16);
    const store = SqliteNodeStore.open(path, OWNER);
    t.after(() => store.close());
    assert.equal(Array.from(store.load().messages).length, 2_000);
  });

  it('refuses a damaged file, and one that is no database', async () => {
    const path = newPath();
    writeFileSync(path, 'these are not the bytes you are looking for'.repeat(100));
    assert.throws(() => SqliteNodeStore.open(path, OWNER), { code: 'ERR_STATE_CORRUPT' });

    const damaged = newPath();
    const store = SqliteNodeStore.open(damaged, OWNER);
    for (let n = 0; n < 200; n++)
      await store.apply([{ tag: 'put-message', message: { ...storedMessage(n), bytes: new Uint8Array(900) } }]);
    await store.close();
    const bytes = readFileSync(damaged);
    bytes.fill(0x5a, 8_192, bytes.length - 4_096);
    writeFileSync(damaged, bytes);
    assert.throws(() => SqliteNodeStore.open(damaged, OWNER), { code: 'ERR_STATE_CORRUPT' });
  });
});
