import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { BATCH_ANSWER_BYTES_MAX, BATCH_ANSWER_MS_MAX, callBatch } from '../../../src/host/signer/batch-client.ts';
import { KEY_SLOTS_MAX, KeySlots } from '../../../src/host/signer/sqlite/key-slots.ts';
import { KEY_FILE_BYTES_MAX, loadKeyFiles } from '../../../src/host/signer/keys/key-files.ts';
import {
  MONGO_INDEX_RECORDS_MAX,
  mongoOptionsOf,
  MongoRecordStore,
  SERVER_MS_MAX,
} from '../../../src/host/signer/mongo/record-store.ts';
import { PIN_FILE_BYTES_MAX, tokenRing } from '../../../src/host/signer/keys/ring.ts';
import { ShardIndex } from '../../../src/host/signer/shard-index.ts';
import { SQLITE_INDEX_RECORDS_MAX } from '../../../src/host/signer/sqlite/record-store.ts';
import { SIGNER_DATABASE } from '../../../src/host/signer/sqlite/schema.ts';
import { prepareStatements } from '../../../src/host/signer/sqlite/statements.ts';
import { closeDatabase, openDatabase } from '../../../src/host/sqlite/database.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('bounds of the files of a signer', () => {
  it('a file with one key', (t) => {
    const folder = join(tempDir(t), 'keys');
    mkdirSync(folder);
    const write = (bytes: number): void =>
      writeFileSync(join(folder, 'key'), `0x${'11'.repeat(32)}`.padEnd(bytes), { mode: 0o600 });
    write(KEY_FILE_BYTES_MAX);
    assert.equal(loadKeyFiles(folder).length, 1);
    write(KEY_FILE_BYTES_MAX + 1);
    assert.throws(() => loadKeyFiles(folder), { code: 'ERR_STATE_CORRUPT' });
  });

  it('a file with a PIN', (t) => {
    const path = join(tempDir(t), 'pin');
    const ring = () => tokenRing('pkcs11:token=a?module-path=/usr/lib/p11.so', path);
    writeFileSync(path, '1'.repeat(PIN_FILE_BYTES_MAX), { mode: 0o600 });
    ring()[Symbol.dispose]();
    writeFileSync(path, '1'.repeat(PIN_FILE_BYTES_MAX + 1));
    assert.throws(ring, { code: 'ERR_STATE_CORRUPT' });
  });
});

describe('bounds of a store', () => {
  it('the keys that one holds signatures of', (t) => {
    const path = join(tempDir(t), 'signer.db');
    const database = openDatabase(path, SIGNER_DATABASE, 'create');
    const fill = database.prepare(
      `WITH RECURSIVE used(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM used WHERE n < ?)
       INSERT INTO keys(slot, public_key) SELECT unhex(printf('%04x', n)), unhex(printf('%08x', n)) FROM used`,
    );
    fill.run(KEY_SLOTS_MAX - 2);
    const slots = new KeySlots(prepareStatements(database));
    assert.deepEqual(slots.of(Uint8Array.of(1)), Uint8Array.of(0xff, 0xff), 'the last');
    assert.throws(() => slots.of(Uint8Array.of(2)), { code: 'ERR_STORE' });
    assert.deepEqual(slots.of(Uint8Array.of(1)), Uint8Array.of(0xff, 0xff), 'those that have one keep it');
    assert.deepEqual(slots.of(Uint8Array.of(0, 0, 0, 7)), Uint8Array.of(0, 7));
    closeDatabase(database, path);
  });
});

describe('bounds of a run', () => {
  for (const [name, max] of [
    ['in SQLite', SQLITE_INDEX_RECORDS_MAX],
    ['in MongoDB', MONGO_INDEX_RECORDS_MAX],
  ] as const)
    it(`the records that one goes over ${name}; the rest is for the next`, () => {
      const index = new ShardIndex<number>('run', 1_000, max);
      let added = 0;
      while (index.add(added, added)) added++;
      assert.equal(added, max);
      assert.equal(index.of(0).length, max / 1_000);
      assert.equal(index.of(0).at(-1), max - 1_000);
    });

  it('the time in which a database must be found', async () => {
    const url = 'mongodb://127.0.0.1:1/signer';
    assert.equal(mongoOptionsOf(url).serverSelectionTimeoutMS, SERVER_MS_MAX);
    const sooner = `${url}?serverSelectionTimeoutMS=20`; // the test need not wait as long
    assert.equal(mongoOptionsOf(sooner).serverSelectionTimeoutMS, undefined);
    await assert.rejects(MongoRecordStore.open(sooner), { code: 'ERR_STORE' });
  });
});

describe('bounds of the answer of a replica', () => {
  async function replica(t: TestContext, listener: RequestListener): Promise<ReturnType<typeof callBatch>> {
    const server = createServer(listener);
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as { port: number };
    return callBatch({ serviceUrl: `http://127.0.0.1:${port}`, path: '/batch/0/1/0', headers: {} });
  }
  const answerOf = (chars: number): string => '{"signed":1,"failed":0}'.padEnd(chars);

  // First: a real timer that ends when clocks are a test's own is never cleared.
  it('its time, also where it comes a byte at a time', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const asked = Promise.withResolvers<(text: string) => void>();
    const call = replica(t, (_request, response) => asked.resolve((text) => void response.write(text)));
    let isOver = false;
    call.catch(() => (isOver = true));
    const write = await asked.promise;
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    for (let step = 1; step < 10; step++) {
      write(' ');
      for (let n = 0; n < 5; n++) await turn();
      t.mock.timers.tick(BATCH_ANSWER_MS_MAX / 10);
    }
    assert.equal(isOver, false);
    t.mock.timers.tick(BATCH_ANSWER_MS_MAX / 10);
    await assert.rejects(call, { code: 'ERR_UNREACHABLE', message: /no answer within/ });
  });

  it('its length', async (t) => {
    const longest = await replica(t, (_request, response) => response.end(answerOf(BATCH_ANSWER_BYTES_MAX)));
    assert.deepEqual(longest, { signed: 1, failed: 0 });
    await assert.rejects(
      replica(t, (_request, response) => response.end(answerOf(BATCH_ANSWER_BYTES_MAX + 1))),
      { code: 'ERR_REMOTE', message: /longer than/ },
    );
  });
});
