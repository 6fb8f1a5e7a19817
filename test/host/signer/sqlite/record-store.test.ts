import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { SqliteRecordStore } from '../../../../src/host/signer/sqlite/record-store.ts';
import { describeRecordStore } from '../../../support/suites/record-store.ts';
import { tempDir } from '../../../support/temp-dir.ts';
import { openTestSigner, randomRecords, signAll, signedRecords } from '../../../support/test-signer.ts';

const folder = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

describeRecordStore('sqlite', { open: async () => SqliteRecordStore.open(join(folder, `${files++}.db`)) });

describe('the SQLite record store', () => {
  it('has after a restart what it had before', async (t) => {
    const path = join(tempDir(t), 'signer.db');
    const signer = await openTestSigner();
    let store = SqliteRecordStore.open(path);
    await store.add(randomRecords(50));
    await signAll(store, signer, { runId: 'a', batchCount: 2, batchId: 0 });
    const before = [await store.counts(), await signedRecords(store)];
    await store.close();
    store = SqliteRecordStore.open(path);
    assert.deepEqual([await store.counts(), await signedRecords(store)], before);
    await store.close();
    await signer.close();
  });

  it('keeps a chunk in bounds where messages are long', async (t) => {
    const store = SqliteRecordStore.open(join(tempDir(t), 'signer.db'));
    const message = new Uint8Array(1024 * 1024).fill(0x61);
    await store.add(Array.from({ length: 20 }, (_, i) => ({ id: `long ${i}`, message })));
    const sizes: number[] = [];
    for await (const chunk of store.unsigned({ runId: 'a', batchCount: 1, batchId: undefined }))
      sizes.push(chunk.messages.length / message.length);
    assert.deepEqual(sizes, [8, 8, 4]);
    const signer = await openTestSigner();
    await signAll(store, signer, { runId: 'a', batchCount: 1, batchId: undefined });
    const parts: number[] = [];
    for await (const part of store.signed()) parts.push(part.length);
    assert.deepEqual(parts, [8, 8, 4], 'and so of an export');
    await signer.close();
    await store.close();
  });
});
