import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { type Document, MongoClient } from 'mongodb';
import { utf8 } from '../../../../src/base/bytes.ts';
import { MongoRecordStore } from '../../../../src/host/signer/mongo/record-store.ts';
import { signedRecordJson } from '../../../../src/signer/signed-line.ts';
import { MongodbServer, missingMongodb } from '../../../support/foreign/mongodb-server.ts';
import { describeRecordStore } from '../../../support/suites/record-store.ts';
import { SEED_RECORD } from '../../../support/seed-record.ts';
import { openTestSigner, randomRecords, signAll, signedRecords, wrongIds } from '../../../support/test-signer.ts';

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

async function read(collection: string): Promise<Document[]> {
  const client = new MongoClient(url);
  try {
    return await client.db().collection(collection).find().toArray();
  } finally {
    await client.close();
  }
}

/** The address of a relay to the database that spoils the text BREAK on the way back, as no driver would write it. */
async function breaking(t: TestContext, address: string): Promise<string> {
  const target = new URL(address);
  const { port, hostname } = target;
  const relay = createServer((socket) => {
    const upstream = connect(Number(port), hostname);
    socket.pipe(upstream).on('error', () => socket.destroy());
    upstream.on('data', (bytes: Buffer) => {
      for (let at = bytes.indexOf('BREAK'); at >= 0; at = bytes.indexOf('BREAK', at)) bytes.fill(0xff, at, at + 5);
      socket.write(bytes);
    });
    socket.on('close', () => upstream.destroy()).on('error', () => upstream.destroy());
    upstream.on('close', () => socket.destroy());
  });
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  t.after(() => relay.close());
  target.port = String((relay.address() as AddressInfo).port);
  return target.href;
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

  it('names what it cannot sign, and why', async (t) => {
    const store = await open();
    t.after(() => store.close());
    await write('records', [
      { _id: 1, id: 7, msg: 'number' },
      { _id: { a: 'b' }, id: 'empty', msg: '' },
    ]);
    const told: unknown[] = [];
    for await (const chunk of store.unsigned(ALL)) told.push(...chunk.malformed);
    assert.deepEqual(told, [
      { record: '_id "1"', code: 'ERR_RECORD_ID' },
      { record: '_id "{\\"a\\":\\"b\\"}"', code: 'ERR_RECORD_MESSAGE' },
    ]);
  });

  it('signs the rest beside text that is not UTF-8, which the driver would give up a whole reply for', async (t) => {
    const plain = await open();
    t.after(() => plain.close());
    await write('records', [
      { _id: 1, id: 'bad', msg: 'xxBREAKxx' },
      { _id: 2, id: 'good', msg: 'm' },
    ]);
    await write('signedrecords', [{ ...SEED_RECORD, id: 'signed', msg: 'xxBREAKxx' }, SEED_RECORD]);
    const store = await MongoRecordStore.open(await breaking(t, url));
    t.after(() => store.close());
    const signer = await openTestSigner();
    t.after(() => signer.close());
    assert.deepEqual(await signAll(store, signer, ALL), { signed: 1, conflicts: 0, failed: 1 });
    assert.deepEqual(await signAll(store, signer, { ...ALL, batchId: 1, batchCount: 1 }), {
      signed: 0,
      conflicts: 0,
      failed: 0,
    });
    const malformed: unknown[] = [];
    const ids: string[] = [];
    for await (const part of store.signed((record) => malformed.push(record))) ids.push(...part.map(({ id }) => id));
    assert.deepEqual(ids.sort(), [SEED_RECORD.id, 'good'].sort());
    assert.equal(malformed.length, 1);
    await assert.rejects(store.find('bad'), { code: 'ERR_RECORD_UTF8' });
    assert.deepEqual(await store.add([{ id: 'bad', message: utf8('m') }]), [false]);
  });

  it('loses no conflict, though another program gives them all one _id', async (t) => {
    const store = await open();
    t.after(() => store.close());
    const signer = await openTestSigner();
    t.after(() => signer.close());
    const outcomes: unknown[] = [];
    for (const msg of ['first', 'second', 'third', 'third', 'first']) {
      await write('records', [{ _id: 1, id: 'a', msg }]);
      outcomes.push(await signAll(store, signer, ALL));
    }
    assert.deepEqual(
      outcomes.map((outcome) => (outcome as { conflicts: number }).conflicts),
      [0, 1, 1, 0, 0], // the same again is what a crash before the deletion would leave
    );
    const kept = (await read('conflicts')).map(({ msg }) => msg as unknown);
    assert.deepEqual(new Set(kept), new Set(['second', 'third']));
    assert.equal(kept.length, 2);
    assert.equal((await store.counts()).unsigned, 0);
  });

  it('signs a record whose _id another signed record has', async (t) => {
    const store = await open();
    t.after(() => store.close());
    const signer = await openTestSigner();
    t.after(() => signer.close());
    for (const id of ['a', 'b', 'c']) {
      await write('records', [
        { _id: 1, id, msg: `of ${id}` },
        { _id: 2, id: `${id}2`, msg: `of ${id}2` },
      ]);
      assert.deepEqual(await signAll(store, signer, ALL), { signed: 2, conflicts: 0, failed: 0 });
    }
    const signed = await signedRecords(store);
    assert.deepEqual(signed.map(({ id }) => id).sort(), ['a', 'a2', 'b', 'b2', 'c', 'c2']);
    assert.deepEqual(await wrongIds(signed), []);
    assert.equal((await store.counts()).unsigned, 0);
  });

  it('keeps the members that another program added, with signed records and with conflicts', async (t) => {
    const store = await open();
    t.after(() => store.close());
    const signer = await openTestSigner();
    t.after(() => signer.close());
    await write('records', [{ _id: 1, id: 'a', msg: 'm', batch: { n: 1 }, key: 'no key' }]);
    await signAll(store, signer, ALL);
    await write('records', [{ _id: 2, id: 'a', msg: 'other', source: 'b' }]);
    await signAll(store, signer, ALL);
    const [signed] = await read('signedrecords');
    assert.deepEqual([signed?.['batch'], String(signed?.['key']).length], [{ n: 1 }, 132]);
    assert.deepEqual(await read('conflicts'), [{ _id: 2, id: 'a', msg: 'other', source: 'b' }]);
  });

  it('takes an index that another program made, which is not unique, out of the way of one that is', async (t) => {
    url = server.newDatabase();
    const client = new MongoClient(url);
    t.after(() => client.close());
    for (const name of ['records', 'signedrecords']) await client.db().collection(name).createIndex({ id: 1 });
    const { id, msg } = SEED_RECORD;
    await write('records', [
      { id, msg },
      { id, msg },
      { id: 'b', msg },
    ]);
    const [first, second] = [await MongoRecordStore.open(url), await MongoRecordStore.open(url)];
    t.after(() => Promise.all([first.close(), second.close()]));
    const signer = await openTestSigner();
    t.after(() => signer.close());
    assert.deepEqual(await first.add([{ id, message: utf8('m') }]), [false], 'known, by looking');
    await assert.doesNotReject(Promise.all([first, second].map((store) => signAll(store, signer, ALL))));
    assert.deepEqual((await read('signedrecords')).map((document) => String(document['id'])).sort(), [id, 'b'].sort());
    await assert.rejects(client.db().collection('signedrecords').insertOne({ id }));
  });

  it('signs nothing where signed records hold an id twice, and says so', async () => {
    url = server.newDatabase();
    await write('signedrecords', [SEED_RECORD, SEED_RECORD]);
    await assert.rejects(MongoRecordStore.open(url), { code: 'ERR_STORE', message: /signedrecords holds an id twice/ });
  });

  it('leaves signed records that are none out of an export, and counts keys only by key', async (t) => {
    const store = await open();
    t.after(() => store.close());
    await write('signedrecords', [SEED_RECORD, { _id: 5, id: 'b', msg: 'm', salt: 's', key: '0x04', sign: '0x' }, {}]);
    const malformed: unknown[] = [];
    const ids: string[] = [];
    for await (const part of store.signed((record) => malformed.push(record))) ids.push(...part.map(({ id }) => id));
    assert.deepEqual(ids, [SEED_RECORD.id]);
    assert.deepEqual(malformed[0], { record: '_id "5"', code: 'ERR_RECORD_SALT' });
    const { signed, byKey } = await store.counts();
    assert.deepEqual([signed, Array.from(byKey)], [3, [[SEED_RECORD.key.slice(2), 1]]]);
  });

  it('hands out signed records in parts that are bounded where messages are long', async (t) => {
    const store = await open();
    t.after(() => store.close());
    const msg = 'm'.repeat(1024 * 1024);
    await write(
      'signedrecords',
      Array.from({ length: 12 }, (_, i) => ({ ...SEED_RECORD, id: `long ${i}`, msg })),
    );
    const parts: number[] = [];
    for await (const part of store.signed()) parts.push(part.length);
    assert.deepEqual(parts, [8, 4]);
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
