import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { utf8 } from '../../../src/base/bytes.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import type { BatchSigner } from '../../../src/ports/batch-signer.ts';
import type { NewRecord, RecordStore, Run, SignedChunk, UnsignedChunk } from '../../../src/ports/record-store.ts';
import { allKeyIndexes } from '../../../src/signer/key-ring.ts';
import { keyIndexesOf } from '../../../src/signer/plan.ts';
import { markSalts } from '../../../src/signer/salt.ts';
import { shardHashOf } from '../../../src/signer/shard.ts';
import { openTestSigner, randomRecords, signAll, signedRecords, wrongIds } from '../test-signer.ts';

export interface SuiteOptions {
  readonly open: () => Promise<RecordStore>;
  readonly skip?: string | false;
  /** Records in the larger tests. */
  readonly records?: number;
  /** Another program writes an unsigned record, past the checks of `add`; only where two collections allow that. */
  readonly plant?: (store: RecordStore, record: NewRecord) => Promise<void>;
}

const NOW = 1_800_000_000_000 as UnixMs;
const ALL = { runId: 'run-1', batchCount: 7, batchId: undefined };

function run(runId: string, driver: string): Run {
  return {
    runId,
    batchCount: 7,
    keyIndexes: [2, 0],
    ringFingerprint: 'ab',
    startedAt: NOW,
    endedAt: undefined,
    signedAtStart: 0,
    failed: 0,
    driver,
    driverUntil: (NOW + 1_000) as UnixMs,
  };
}

/** What every {@link RecordStore} must do, whoever else writes or dies. */
export function describeRecordStore(name: string, options: SuiteOptions): void {
  const recordCount = options.records ?? 2_500;
  describe(`RecordStore: ${name}`, { skip: options.skip ?? false }, () => {
    let signer: BatchSigner;
    let store: RecordStore;
    before(async () => {
      signer = await openTestSigner();
    });
    after(() => signer.close());
    beforeEach(async () => {
      store = await options.open();
    });
    afterEach(() => store.close());

    /** Signs a chunk but does not store it: what a worker has when it is killed. */
    async function signed(chunk: UnsignedChunk): Promise<SignedChunk> {
      const keyIndexes = keyIndexesOf(chunk, ALL.batchCount, allKeyIndexes(signer.publicKeys.length));
      const salts = markSalts(crypto.getRandomValues(new Uint8Array(16 * keyIndexes.length)));
      const signatures = await signer.sign({ ...chunk, salts, keyIndexes });
      return { chunk, publicKeys: signer.publicKeys, keyIndexes, salts, signatures };
    }

    async function chunks(batchId?: number): Promise<UnsignedChunk[]> {
      const all: UnsignedChunk[] = [];
      for await (const chunk of store.unsigned({ ...ALL, batchId })) all.push(chunk);
      return all;
    }

    it('refuses an id that it knows, unsigned or signed, in one import or across two', async () => {
      const [first, second, third] = randomRecords(3) as [NewRecord, NewRecord, NewRecord];
      assert.deepEqual(await store.add([first, second, { ...first, message: utf8('other') }]), [true, true, false]);
      assert.deepEqual(await store.add([second, third]), [false, true]);
      await signAll(store, signer, ALL);
      assert.deepEqual(await store.add([first, { ...second, message: utf8('other') }]), [false, false]);
      assert.deepEqual(await store.counts().then(({ signed: s, unsigned }) => [s, unsigned]), [3, 0]);
    });

    it('signs every record once, each with a signature that recovers to its key', async () => {
      const records = randomRecords(recordCount);
      for (let at = 0; at < records.length; at += 1_000) await store.add(records.slice(at, at + 1_000));
      const outcome = await signAll(store, signer, ALL);
      assert.deepEqual(outcome, { signed: recordCount, conflicts: 0, failed: 0 });
      const all = await signedRecords(store);
      assert.deepEqual(all.map(({ id }) => id).sort(), records.map(({ id }) => id).sort());
      assert.deepEqual(await wrongIds(all), []);
      for (const { id, publicKey } of all)
        assert.deepEqual(publicKey, signer.publicKeys[(shardHashOf(id) % ALL.batchCount) % signer.publicKeys.length]);
      const { byKey } = await store.counts();
      assert.equal(
        Array.from(byKey.values()).reduce((sum, n) => sum + n, 0),
        recordCount,
      );
    });

    it('hands each batch its own records and no others', async () => {
      await store.add(randomRecords(200));
      let met = 0;
      for (let batchId = 0; batchId < ALL.batchCount; batchId++)
        for (const chunk of await chunks(batchId)) {
          met += chunk.shardHashes.length;
          for (const hash of chunk.shardHashes) assert.equal(hash % ALL.batchCount, batchId);
        }
      assert.equal(met, 200);
    });

    it('keeps the first signature where two workers signed the same records, and counts them once (T20)', async () => {
      await store.add(randomRecords(100));
      const [chunk] = await chunks();
      assert.ok(chunk);
      const [one, two] = [await signed(chunk), await signed(chunk)];
      assert.deepEqual(await store.storeSigned(one), { signed: 100, conflicts: 0 });
      const before = await signedRecords(store);
      assert.deepEqual(await store.storeSigned(two), { signed: 0, conflicts: 0 });
      assert.deepEqual(await signedRecords(store), before);
      const { signed: count, unsigned, conflicts } = await store.counts();
      assert.deepEqual([count, unsigned, conflicts], [100, 0, 0]);
    });

    it('signs the rest after a worker died with part of the records stored', async () => {
      await store.add(randomRecords(300));
      const [chunk] = await chunks(3);
      assert.ok(chunk);
      await store.storeSigned(await signed(chunk));
      await signAll(store, signer, ALL);
      const all = await signedRecords(store);
      assert.equal(new Set(all.map(({ id }) => id)).size, 300);
      assert.deepEqual(await wrongIds(all), []);
      assert.equal((await store.counts()).unsigned, 0);
    });

    it('finds a record by its id, unsigned and signed, and none by another', async () => {
      const record = { id: 'ünïcode / id', message: utf8('a message') };
      await store.add([record]);
      assert.deepEqual(await store.find(record.id), { tag: 'unsigned', record });
      await signAll(store, signer, ALL);
      const found = await store.find(record.id);
      assert.ok(found?.tag === 'signed');
      assert.deepEqual(found.record.message, record.message);
      assert.deepEqual(await wrongIds([found.record]), []);
      assert.equal(await store.find('other'), undefined);
    });

    it('has one run at a time: a second one joins it while its driver is heard of', async () => {
      assert.equal(await store.currentRun(), undefined);
      assert.equal((await store.beginRun(run('a', 'x'), NOW)).runId, 'a');
      assert.equal((await store.beginRun(run('b', 'y'), (NOW + 500) as UnixMs)).runId, 'a');
      assert.equal(await store.driveRun('a', 'y', (NOW + 500) as UnixMs, 1_000), false);
      assert.equal(await store.driveRun('a', 'x', (NOW + 500) as UnixMs, 1_000), true);
      assert.equal(await store.driveRun('a', 'y', (NOW + 1_501) as UnixMs, 1_000), true, 'an orphan is taken over');
      await store.endRun('a', (NOW + 2_000) as UnixMs, 4);
      const ended = await store.currentRun();
      assert.deepEqual([ended?.runId, ended?.endedAt, ended?.failed, ended?.driver], ['a', NOW + 2_000, 4, 'y']);
      assert.deepEqual(ended?.keyIndexes, [2, 0]);
      assert.equal(await store.driveRun('a', 'y', (NOW + 2_100) as UnixMs, 1_000), false, 'ended');
      assert.equal((await store.beginRun(run('c', 'y'), (NOW + 2_100) as UnixMs)).runId, 'c');
    });

    it('leases a batch to one owner until the lease runs out or is given back', async () => {
      const at = (ms: number): UnixMs => (NOW + ms) as UnixMs;
      assert.equal(await store.leaseBatch('a', 1, 'x', at(0), 100), true);
      assert.equal(await store.leaseBatch('a', 1, 'y', at(50), 100), false);
      assert.equal(await store.leaseBatch('a', 1, 'x', at(50), 100), true);
      assert.equal(await store.leaseBatch('a', 2, 'y', at(50), 100), true);
      assert.equal(await store.leaseBatch('a', 1, 'y', at(151), 100), true);
      await store.releaseBatch('a', 1, 'x');
      assert.equal(await store.leaseBatch('a', 1, 'x', at(152), 100), false, 'another may not give it back');
      await store.releaseBatch('a', 1, 'y');
      assert.equal(await store.leaseBatch('a', 1, 'x', at(152), 100), true);
    });

    const { plant } = options;
    if (plant === undefined) return;

    it('moves an id that was signed before with another message to the conflicts, and loses nothing (T20)', async () => {
      const records = randomRecords(20);
      await store.add(records);
      await signAll(store, signer, ALL);
      const before = await signedRecords(store);
      for (const { id } of records.slice(0, 5)) await plant(store, { id, message: utf8('another message') });
      const outcome = await signAll(store, signer, ALL);
      assert.deepEqual(outcome, { signed: 0, conflicts: 5, failed: 0 });
      const { signed: count, unsigned, conflicts } = await store.counts();
      assert.deepEqual([count, unsigned, conflicts], [20, 0, 5]);
      assert.deepEqual(await signedRecords(store), before);
    });

    it('deletes what was signed before with the same message: the crash between insert and delete', async () => {
      const records = randomRecords(10);
      await store.add(records);
      await signAll(store, signer, ALL);
      for (const record of records.slice(0, 4)) await plant(store, record);
      assert.equal((await store.counts()).unsigned, 4);
      assert.deepEqual(await signAll(store, signer, ALL), { signed: 0, conflicts: 0, failed: 0 });
      const { signed: count, unsigned, conflicts } = await store.counts();
      assert.deepEqual([count, unsigned, conflicts], [10, 0, 0]);
    });
  });
}
