import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import type { UnixMs } from '../../../src/base/time.ts';
import { LEFT_OUT_LISTED_MAX } from '../../../src/cli/commands/signer/signer.ts';
import { DRIVER_LIFE_MS } from '../../../src/daemon/signer/run-driver.ts';
import { FAILED_LISTED_MAX } from '../../../src/daemon/signer/sign-here.ts';
import { MongoRecordStore } from '../../../src/host/signer/mongo/record-store.ts';
import { LongCommand, chainmail, type ToldError } from '../../support/processes/chainmail.ts';
import { startHaproxy } from '../../support/foreign/load-balancer.ts';
import { MongodbServer, freePort, missingMongodb } from '../../support/foreign/mongodb-server.ts';
import { missing } from '../../support/foreign/programs.ts';
import { checkNothingLost, writeRecords } from '../../support/processes/signer-storm.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { wrongIds } from '../../support/test-signer.ts';

const RECORDS = 600;
/** A replica is missed after ten seconds; on a busy machine everything takes longer. */
const SIGNED_MS_MAX = 90_000;

interface Stats {
  readonly signed: number;
  readonly unsigned: number;
  readonly conflicts: number;
}

/**
 * What a replica behind the balancer answers. While one is gone and the balancer has not noticed, or while the others are
 * busy, the balancer answers itself, in HTML: that is «not now», and it is asked again.
 */
async function askThrough(url: string, init?: RequestInit): Promise<Response> {
  const deadline = performance.now() + SIGNED_MS_MAX;
  for (let told = ''; ; await pause(100)) {
    assert.ok(performance.now() < deadline, `${url} is not answered in time: ${told}`);
    const answer = await fetch(url, init).catch(() => undefined);
    if (answer?.ok === true) return answer;
    told = answer === undefined ? 'no connection' : `${answer.status} ${await answer.text().catch(String)}`;
  }
}

async function statsOf(url: string): Promise<Stats> {
  return (await (await askThrough(`${url}/stats`)).json()) as Stats;
}

describe('three replicas behind HAProxy', { skip: missingMongodb || missing('haproxy') }, () => {
  it('sign every record once, though the one that drives the run is killed in the middle', async (t) => {
    const folder = tempDir(t);
    const server = await MongodbServer.start();
    t.after(() => server.stop());
    const store = server.newDatabase();
    const secret = join(folder, 'cluster-secret');
    writeFileSync(secret, 'a secret of the whole cluster\n'.replaceAll(' ', '-'), { mode: 0o600 });
    assert.equal((await chainmail(['signer', 'keys', 'generate', '--dir', folder, '--count', '4'])).code, 0);
    const { file, ids } = writeRecords(folder, 'records.jsonl', RECORDS);
    assert.equal((await chainmail(['signer', 'import', '--store', store, file])).code, 0);

    const ports = [await freePort(), await freePort(), await freePort()];
    const balancer = await startHaproxy(folder, ports);
    t.after(() => balancer.end());
    const replicas: LongCommand[] = [];
    t.after(() => Promise.all(replicas.map((replica) => replica.end('SIGKILL'))));
    for (const port of ports)
      replicas.push(
        new LongCommand(
          ['signer', 'run', '--store', store, '--keys', join(folder, 'keys.json'), '--json'].concat([
            '--log-level',
            'debug',
            '--listen',
            `127.0.0.1:${port}`,
            '--service-url',
            balancer.url,
          ]),
          { CHAINMAIL_CLUSTER_SECRET_FILE: secret },
        ),
      );
    const [first, second, third] = replicas as [LongCommand, LongCommand, LongCommand];
    const { url } = await first.json<{ readonly url: string }>();
    await Promise.all([second.line(), third.line()]);

    const begun = await fetch(`${url}/sign/20`, { method: 'POST' });
    assert.equal(begun.status, 202);
    const run = (await begun.json()) as { readonly run_id: string; readonly batch_count: number };
    assert.equal(run.batch_count, RECORDS / 20);
    const joined = (await (await askThrough(`${balancer.url}/sign/7`)).json()) as typeof run;
    assert.deepEqual(joined, run, 'a second one joins the run, whichever replica it asks');

    while ((await statsOf(balancer.url)).signed < 100) await pause(20);
    await first.end('SIGKILL');
    const deadline = performance.now() + SIGNED_MS_MAX;
    for (;;) {
      const stats = await statsOf(balancer.url);
      if (stats.unsigned === 0) break;
      assert.ok(performance.now() < deadline, `not signed in time: ${JSON.stringify(stats)}`);
      await pause(100);
    }
    const finished = await askThrough(`${balancer.url}/sign/20?wait=1`, { method: 'POST' });
    assert.equal(finished.status, 200);

    const reader = await MongoRecordStore.open(store);
    t.after(() => reader.close());
    const { signed, unsigned } = await checkNothingLost(reader, ids);
    assert.deepEqual([signed.length, unsigned], [RECORDS, 0]);
    assert.deepEqual(await wrongIds(signed), []);
    for (const replica of [second, third]) {
      assert.match(replica.stderr, /"path":"\/batch\//, 'both that are left had batches');
      assert.equal(await replica.end(), 0);
    }
  });
});

describe('signing from a database', { skip: missingMongodb }, () => {
  async function place(t: TestContext, count: number): Promise<{ store: string; signing: string[]; ids: string[] }> {
    const folder = tempDir(t);
    const server = await MongodbServer.start();
    t.after(() => server.stop());
    const store = server.newDatabase();
    assert.equal((await chainmail(['signer', 'keys', 'generate', '--dir', folder, '--count', '2'])).code, 0);
    const { file, ids } = writeRecords(folder, 'records.jsonl', count);
    assert.equal((await chainmail(['signer', 'import', '--store', store, file])).code, 0);
    return { store, ids, signing: ['signer', 'sign', '--store', store, '--keys', join(folder, 'keys.json'), '--json'] };
  }

  it('goes on after a kill, without anybody’s doing, once the killed one is not heard of', async (t) => {
    const { store, signing, ids } = await place(t, 2_000);
    const killed = new LongCommand(signing);
    const reader = await MongoRecordStore.open(store);
    t.after(() => reader.close());
    while ((await reader.currentRun()) === undefined) await pause(10);
    await killed.end('SIGKILL');
    assert.equal((await reader.currentRun())?.endedAt, undefined, 'it was over before the kill');
    const { code, stdout, stderr } = await chainmail(signing);
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.match(stderr, /waiting whether it goes on/);
    const { signed, unsigned } = await checkNothingLost(reader, ids);
    assert.equal(unsigned, 0);
    assert.deepEqual(await wrongIds(signed), []);
  });

  it('leaves a run alone whose driver gives word', async (t) => {
    const { store, signing } = await place(t, 1);
    const other = await MongoRecordStore.open(store);
    t.after(() => other.close());
    const now = (): UnixMs => Date.now() as UnixMs;
    const until = (): UnixMs => (now() + DRIVER_LIFE_MS) as UnixMs;
    const run = {
      runId: 'r',
      batchCount: 1,
      keyIndexes: [0],
      ringFingerprint: '',
      startedAt: now(),
      endedAt: undefined,
    };
    await other.beginRun({ ...run, signedAtStart: 0, failed: 0, driver: 'd', driverUntil: until() }, now());
    let isOver = false;
    const giveWord = async (): Promise<void> => {
      for (; !isOver; await pause(500)) await other.driveRun('r', 'd', now(), DRIVER_LIFE_MS);
    };
    const [{ code, stdout }] = await Promise.all([chainmail(signing).finally(() => (isOver = true)), giveWord()]);
    assert.equal(code, 1);
    assert.equal((JSON.parse(stdout) as ToldError).error.code, 'ERR_RUN_DIFFERS');
    assert.equal((await other.counts()).unsigned, 1);
  });

  it('names so many of the records that cannot be signed, or exported', async (t) => {
    const { store, signing } = await place(t, 1);
    const client = new MongoClient(store);
    t.after(() => client.close());
    const odd = Array.from({ length: FAILED_LISTED_MAX + 1 }, (_, i) => ({ id: i, msg: 'm' }));
    await client.db().collection('records').insertMany(odd);
    await client
      .db()
      .collection('signedrecords')
      .insertMany(Array.from({ length: LEFT_OUT_LISTED_MAX + 1 }, (_, i) => ({ id: `odd ${i}` })));
    const { code, stdout } = await chainmail(signing);
    const told = JSON.parse(stdout) as { failed: number; signed: number; errors: { record: string; code: string }[] };
    assert.deepEqual([code, told.failed, told.signed], [1, odd.length, 1]);
    assert.equal(told.errors.length, FAILED_LISTED_MAX);
    assert.ok(told.errors.every(({ record, code: why }) => record.startsWith('_id ') && why === 'ERR_RECORD_ID'));
    const exported = await chainmail(['signer', 'export', '--store', store]);
    assert.equal(exported.code, 1);
    assert.equal(exported.stdout.trimEnd().split('\n').length, 1);
    assert.equal(exported.stderr.match(/left out/g)?.length, LEFT_OUT_LISTED_MAX);
  });
});

describe('a database that goes away and comes back', { skip: missingMongodb }, () => {
  it('holds a run up, and loses nothing', async (t) => {
    const folder = tempDir(t);
    const server = await MongodbServer.start();
    t.after(() => server.stop());
    if (!server.isOurs) return t.skip('the server is somebody else’s');
    const store = `${server.newDatabase()}?serverSelectionTimeoutMS=500`;
    assert.equal((await chainmail(['signer', 'keys', 'generate', '--dir', folder, '--count', '2'])).code, 0);
    const { file, ids } = writeRecords(folder, 'records.jsonl', 300);
    assert.equal((await chainmail(['signer', 'import', '--store', store, file])).code, 0);
    const service = new LongCommand(
      ['signer', 'run', '--store', store, '--keys', join(folder, 'keys.json'), '--listen', '127.0.0.1:0', '--json'],
      {},
    );
    t.after(() => service.end('SIGKILL'));
    const { url } = await service.json<{ readonly url: string }>();
    assert.equal((await fetch(`${url}/sign/20`, { method: 'POST' })).status, 202);
    while ((await statsOf(url)).signed === 0) await pause(20);
    await server.kill();
    const away = await fetch(`${url}/stats`);
    assert.equal(away.status, 503);
    assert.equal(((await away.json()) as { readonly code: string }).code, 'ERR_STORE');
    assert.equal((await fetch(`${url}/`)).status, 200, 'it lives, and is not restarted for what is not its fault');
    await server.restart();
    const done = await fetch(`${url}/sign/20?wait=1`, { method: 'POST' });
    assert.equal(done.status, 200);
    assert.equal(((await done.json()) as Stats).unsigned, 0);
    const reader = await MongoRecordStore.open(store);
    t.after(() => reader.close());
    const { signed } = await checkNothingLost(reader, ids);
    assert.deepEqual(await wrongIds(signed), []);
    assert.equal(await service.end(), 0);
  });
});
