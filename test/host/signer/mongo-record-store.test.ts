import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { utf8 } from '../../../src/base/bytes.ts';
import { MongoRecordStore } from '../../../src/host/signer/mongo-record-store.ts';
import { signedRecordJson } from '../../../src/signer/signed-line.ts';
import { MongodbServer, missingMongodb } from '../../support/mongodb-server.ts';
import { describeRecordStore } from '../../support/record-store-suite.ts';
import { SEED_RECORD } from '../../support/seed-record.ts';
import { openTestSigner, randomRecords, signAll, signedRecords, wrongIds } from '../../support/test-signer.ts';

const ALL = { runId: 'run', batchCount: 3, batchId: undefined };

let server: MongodbServer;
let url: string;
before(async () => {
  if (missingMongodb === false) server = await MongodbServer.start();
});
after(async () => {
  if (missingMongodb === false) await server.stop();
});

/** Writes as another program would. */
async function write(collection: string, documents: readonly object[]): Promise<void> {
  const client = new MongoClient(url);
  await client
    .db()
    .collection(collection)
    .insertMany(documents.map((document) => ({ ...document })));
  await client.close();
}

async function open(): Promise<MongoRecordStore> {
  url = server.newDatabase();
  return MongoRecordStore.open(url);
}

describeRecordStore('mongodb', {
  open,
  skip: missingMongodb,
  records: 300,
  // Past the unique index, as in a collection that another program filled: under another member's name.
  plant: async (_store, { id, message }) => write('records', [{ Id: id, Msg: new TextDecoder().decode(message) }]),
});

describe('the MongoDB record store', { skip: missingMongodb }, () => {
  it('signs a collection that the original service filled, ids twice included, and keeps its members', async (t) => {
    url = server.newDatabase();
    const { id, msg } = SEED_RECORD;
    const others = randomRecords(20).map((record) => ({ id: record.id, msg: record.id }));
    await write('records', [{ id, msg }, { id, msg }, ...others]);
    await write('signedrecords', [{ ...SEED_RECORD, id: 'signed before' }]);
    const store = await MongoRecordStore.open(url);
    t.after(() => store.close());
    const signer = await openTestSigner();
    t.after(() => signer.close());
    assert.deepEqual(await signAll(store, signer, ALL), { signed: 21, conflicts: 0, failed: 0 });
    const { signed, unsigned } = await store.counts();
    assert.deepEqual([signed, unsigned], [22, 0]);
    assert.deepEqual(await wrongIds(await signedRecords(store)), []);
    const client = new MongoClient(url);
    const document = await client.db().collection('signedrecords').findOne({ id });
    await client.close();
    assert.deepEqual(Object.keys(document ?? {}).sort(), ['_id', 'id', 'key', 'msg', 'salt', 'sign']);
  });

  it('reads the sample record of the seed from signedrecords', async (t) => {
    const store = await open();
    t.after(() => store.close());
    await write('signedrecords', [SEED_RECORD]);
    const found = await store.find(SEED_RECORD.id);
    assert.ok(found?.tag === 'signed');
    assert.deepEqual(signedRecordJson(found.record), SEED_RECORD);
  });

  it('counts what another program wrote wrongly as failed, leaves it, and signs the rest', async (t) => {
    const store = await open();
    t.after(() => store.close());
    await write('records', [
      { id: 7, msg: 'number' },
      { id: 'empty', msg: '' },
      { id: 'good', msg: 'm' },
    ]);
    const signer = await openTestSigner();
    t.after(() => signer.close());
    assert.deepEqual(await signAll(store, signer, ALL), { signed: 1, conflicts: 0, failed: 2 });
    assert.equal((await store.counts()).unsigned, 2);
  });

  it('does not delete a record that was changed after it was signed (T20)', async (t) => {
    const store = await open();
    t.after(() => store.close());
    await store.add([{ id: 'changing', message: utf8('before') }]);
    const signer = await openTestSigner();
    t.after(() => signer.close());
    for await (const chunk of store.unsigned(ALL)) {
      const client = new MongoClient(url);
      await client
        .db()
        .collection('records')
        .updateOne({ id: 'changing' }, { $set: { msg: 'after' } });
      await client.close();
      const keyIndexes = new Uint16Array(1);
      const salts = new Uint8Array(16);
      const signatures = await signer.sign({ ...chunk, salts, keyIndexes });
      await store.storeSigned({ chunk, publicKeys: signer.publicKeys, keyIndexes, salts, signatures });
    }
    const { signed, unsigned } = await store.counts();
    assert.deepEqual([signed, unsigned], [1, 1]);
    assert.equal((await signAll(store, signer, ALL)).conflicts, 1);
  });

  it('says that no server answers, without the password of the address', async () => {
    await assert.rejects(
      MongoRecordStore.open('mongodb://user:secret@127.0.0.1:1/x?serverSelectionTimeoutMS=200'),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'ERR_STORE');
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  });
});
