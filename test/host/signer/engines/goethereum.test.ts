import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ENGINES, engineProblem, openSigner } from '../../../../src/host/signer/engines/engines.ts';
import { generateKeyFile, loadKeyFiles } from '../../../../src/host/signer/keys/key-files.ts';
import { systemRandom } from '../../../../src/host/machine/system-random.ts';
import { signedRecordJson } from '../../../../src/signer/signed-line.ts';
import { MemoryRecordStore } from '../../../support/stores/memory-record-store.ts';
import { REPOSITORY } from '../../../../tools/repository.ts';
import { SEED_RECORD } from '../../../support/seed-record.ts';
import { tempDir } from '../../../support/temp-dir.ts';
import { randomRecords, signAll, signedRecords } from '../../../support/test-signer.ts';

const CHECKER = process.env['CHAINMAIL_GOETHEREUM'] ?? join(REPOSITORY, '.ci-cache', 'goethereum');
const skip = !existsSync(CHECKER) && 'go-ethereum not built: see test/support/foreign/goethereum';

for (const engine of ENGINES) {
  const problem = await engineProblem(engine);
  test(`go-ethereum recovers every signature of engine ${engine}`, {
    skip: skip || (problem?.message ?? false),
  }, async (t) => {
    const file = join(tempDir(t), 'keys.json');
    generateKeyFile(file, 4, systemRandom);
    const signer = await openSigner(loadKeyFiles(file), engine);
    t.after(() => signer.close());
    const store = new MemoryRecordStore();
    await store.add(randomRecords(1_000));
    await signAll(store, signer, { runId: 'a', batchCount: 9, batchId: undefined });
    const records = [SEED_RECORD, ...(await signedRecords(store)).map(signedRecordJson)];
    const input = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    const { stdout, stderr } = spawnSync(CHECKER, { input, encoding: 'utf8' });
    assert.equal(stdout, '1001 1001\n', stderr);
  });
}
