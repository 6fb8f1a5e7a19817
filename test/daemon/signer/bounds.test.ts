import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { MeshError } from '../../../src/base/errors.ts';
import { CALLERS_MAX, loadCallers } from '../../../src/daemon/signer/callers.ts';
import { type BatchAnswer, CALLS_MAX, RunDriver, TRIES_MAX } from '../../../src/daemon/signer/run-driver.ts';
import {
  BATCHES_AT_ONCE,
  BATCHES_WAITING_MAX,
  readToken,
  TOKEN_BYTES_MAX,
} from '../../../src/daemon/signer/service.ts';
import { Turns } from '../../../src/daemon/signer/turns.ts';
import { systemRandom } from '../../../src/host/machine/system-random.ts';
import { MemoryRecordStore } from '../../support/stores/memory-record-store.ts';
import { SILENT } from '../../support/processes/authority-process.ts';
import { HandClock } from '../../support/mesh/authority-world.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { randomRecords } from '../../support/test-signer.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A driver over so many records, one a batch, whose replicas do what the test says. */
async function driverOver(t: TestContext, records: number, callBatch: (batchId: number) => Promise<BatchAnswer>) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const store = new MemoryRecordStore();
  await store.add(randomRecords(records));
  const driver = new RunDriver({
    store,
    publicKeys: [new Uint8Array(65)],
    clock: new HandClock(),
    random: systemRandom,
    callBatch: ({ batchId }) => callBatch(batchId),
    log: SILENT,
  });
  await driver.start(1, [0]);
  const untilEnded = async (): Promise<void> => {
    while ((await store.currentRun())?.endedAt === undefined) {
      await turn();
      t.mock.timers.tick(60_000);
    }
  };
  t.after(() => driver.close());
  return { untilEnded };
}

describe('a run', () => {
  it('calls so many batches at once', async (t) => {
    const waiting: (() => void)[] = [];
    const called = new Set<number>();
    const { untilEnded } = await driverOver(t, 3 * CALLS_MAX, (batchId) => {
      called.add(batchId);
      return new Promise((resolve) => waiting.push(() => resolve({ signed: 1, failed: 0 })));
    });
    while (called.size < 3 * CALLS_MAX) {
      for (let n = 0; n < 10; n++) await turn();
      assert.equal(waiting.length, CALLS_MAX);
      for (const answer of waiting.splice(0)) answer();
      await turn();
    }
    for (const answer of waiting.splice(0)) answer();
    await untilEnded();
  });

  it('tries a batch so often and goes on with the others', async (t) => {
    const tries = [0, 0];
    const { untilEnded } = await driverOver(t, 2, async (batchId) => {
      tries[batchId]!++;
      if (batchId === 0) throw new MeshError('ERR_UNREACHABLE', 'the replica is gone');
      return { signed: 1, failed: 0 };
    });
    await untilEnded();
    assert.deepEqual(tries, [TRIES_MAX, 1]);
  });
});

describe('a replica', () => {
  it('lets so many batches wait and sends the next elsewhere', async () => {
    const turns = new Turns(BATCHES_AT_ONCE, BATCHES_WAITING_MAX);
    const finish: (() => void)[] = [];
    const work = (): Promise<void> => new Promise((resolve) => finish.push(resolve));
    const taken = Array.from({ length: BATCHES_AT_ONCE + BATCHES_WAITING_MAX }, () => turns.take(work));
    assert.equal(finish.length, BATCHES_AT_ONCE);
    await assert.rejects(turns.take(work), { code: 'ERR_OVERLOADED' });
    finish.shift()?.();
    await taken.shift();
    taken.push(turns.take(work));
    while (taken.length > 0) {
      await turn();
      for (const end of finish.splice(0)) end();
      await taken.shift();
    }
  });

  it('reads tokens of so many bytes', (t) => {
    const path = join(tempDir(t), 'token');
    const write = (bytes: number): void => writeFileSync(path, 'x'.repeat(bytes), { mode: 0o600 });
    write(TOKEN_BYTES_MAX);
    assert.equal(readToken(path).length, TOKEN_BYTES_MAX);
    write(TOKEN_BYTES_MAX + 1);
    assert.throws(() => readToken(path), { code: 'ERR_STATE_CORRUPT' });
  });

  it('knows so many callers', (t) => {
    const path = join(tempDir(t), 'callers.yaml');
    const write = (count: number): void => {
      const callers = Array.from({ length: count }, (_, n) => ({
        name: `c${n}`,
        token_sha256: n.toString(16).padStart(64, '0'),
      }));
      writeFileSync(path, JSON.stringify({ callers }));
    };
    write(CALLERS_MAX);
    assert.equal(loadCallers(path, 1).length, CALLERS_MAX);
    write(CALLERS_MAX + 1);
    assert.throws(() => loadCallers(path, 1), { code: 'ERR_CONFIG' });
  });
});
