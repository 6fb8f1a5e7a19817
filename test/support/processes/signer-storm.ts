import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { UnixMs } from '../../../src/base/time.ts';
import { MongoRecordStore } from '../../../src/host/signer/mongo/record-store.ts';
import { SqliteRecordStore } from '../../../src/host/signer/sqlite/record-store.ts';
import type { RecordStore, SignedRecord } from '../../../src/ports/record-store.ts';
import { chainmail, LongCommand } from './chainmail.ts';
import type { MongodbServer } from '../foreign/mongodb-server.ts';
import { randomRecords, wrongIds } from '../test-signer.ts';

/** What a store holds after a kill, each id looked at. */
export interface Holdings {
  readonly signed: readonly SignedRecord[];
  readonly unsigned: number;
}

/**
 * Reads the whole store and holds it to what must be true whenever a process dies: every record that was imported is
 * there, signed or not, once; the counts are those of the records.
 *
 * @param isTwofold A record may lie in both collections until the next run, and the database may still be deleting what
 * a killed signer asked it to: it has no transactions.
 */
export async function checkNothingLost(
  store: RecordStore,
  imported: Iterable<string>,
  isTwofold = false,
): Promise<Holdings> {
  const signed: SignedRecord[] = [];
  for await (const part of store.signed()) signed.push(...part);
  const seen = new Set(signed.map(({ id }) => id));
  assert.equal(seen.size, signed.length, 'an id was signed twice');
  let unsigned = 0;
  const unsignedIds = new Set<string>();
  for await (const chunk of store.unsigned({ runId: 'count', batchCount: 1, batchId: undefined })) {
    for (let i = 0; i < chunk.shardHashes.length; i++) {
      const id = new TextDecoder().decode(chunk.messages.subarray(chunk.offsets[i], chunk.offsets[i + 1]));
      assert.ok(isTwofold || !seen.has(id), 'a signed id is unsigned as well');
      assert.ok(!unsignedIds.has(id), 'an id is unsigned twice');
      unsignedIds.add(id);
      unsigned++;
    }
  }
  const lost = Array.from(imported).filter((id) => !seen.has(id) && !unsignedIds.has(id));
  assert.deepEqual(lost, [], 'records were lost');
  if (!isTwofold) {
    const counts = await store.counts();
    assert.deepEqual([counts.signed, counts.unsigned, counts.conflicts], [signed.length, unsigned, 0]);
  }
  return { signed, unsigned };
}

/** Lends an open store, and closes it whatever happens. */
async function within<T>(
  opening: RecordStore | Promise<RecordStore>,
  work: (store: RecordStore) => Promise<T>,
): Promise<T> {
  const store = await opening;
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function sqlite(dir: string): RecordStore {
  return SqliteRecordStore.open(join(dir, 'signer.db'));
}

/** Runs a command and kills it, as a power cut does. @returns whether it had ended well by itself. */
async function runAndKill(
  args: readonly string[],
  moment: (pid: number | undefined) => Promise<void>,
): Promise<boolean> {
  const command = new LongCommand(args);
  await moment(command.child.pid);
  return (await command.end('SIGKILL')) === 0;
}

/** Records in a file, as `signer import` reads them. The message is the id, so that one tells the other. */
export function writeRecords(folder: string, name: string, count: number): { file: string; ids: string[] } {
  const ids = randomRecords(count).map(({ id }) => id);
  const file = join(folder, name);
  writeFileSync(file, ids.map((id) => `${JSON.stringify({ id, msg: id })}\n`).join(''));
  return { file, ids };
}

/**
 * Imports, signs and exports in a directory with commands that are killed at random moments, and counts after every kill.
 *
 * Every other kill of `sign` comes when it holds the directory's lock, so that it hits the signing and not the start;
 * every fourth as soon as a signature is stored, however slow the machine is.
 * @param spanMs Kills come up to so long after that, or after the start.
 */
export async function stormSqlite(folder: string, kills: number, spanMs: number): Promise<void> {
  const dir = join(folder, 'records');
  const sign = ['signer', 'sign', '--dir', dir, '--size', '500', '--engine', 'wasm'];
  const imported = new Set<string>();
  let parts = 0;
  let killedWhileSigning = 0;
  const importPart = async (delayMs?: number): Promise<void> => {
    const { file, ids } = writeRecords(folder, `part-${parts++}.jsonl`, 8_000);
    const args = ['signer', 'import', '--dir', dir, file];
    if (delayMs !== undefined && !(await runAndKill(args, () => pause(delayMs)))) return; // nobody was told of these
    if (delayMs === undefined) assert.equal((await chainmail(args)).code, 0);
    for (const id of ids) imported.add(id);
  };
  assert.equal((await chainmail(['signer', 'keys', 'generate', '--dir', dir, '--count', '5'])).code, 0);
  await importPart();
  for (let kill = 0; kill < kills; kill++) {
    const delayMs = Math.random() * spanMs;
    const before = await within(sqlite(dir), (store) => store.counts());
    if (before.unsigned < 5_000) {
      const isKilled = kill % 3 === 0;
      await importPart(isKilled ? delayMs : undefined);
      if (isKilled) kill++;
    }
    await runAndKill(sign, async (pid) => {
      if (kill % 2 === 0) await untilLocked(dir, pid);
      if (kill % 4 === 0) await untilSigned(dir, pid, before.signed);
      else await pause(delayMs);
    });
    const { unsigned, signed } = await within(sqlite(dir), (store) => checkNothingLost(store, imported));
    if (unsigned > 0 && signed.length > before.signed) killedWhileSigning++;
    if (kill % 10 === 5 && ++kill < kills) await killExport(folder, dir, signed.length, delayMs);
  }
  assert.equal((await chainmail(sign)).code, 0);
  const { unsigned, signed } = await within(sqlite(dir), (store) => checkNothingLost(store, imported));
  assert.equal(unsigned, 0, 'a resume leaves nothing unsigned');
  assert.deepEqual(await wrongIds(signed), []);
  assert.ok(killedWhileSigning > 0, 'no kill came while records were being signed: choose another span');
}

/** Kills an export: afterwards there is all of it, or nothing but a draft that the next one takes away. */
async function killExport(folder: string, dir: string, signed: number, delayMs: number): Promise<void> {
  const out = join(folder, 'signed.jsonl');
  rmSync(out, { force: true });
  const args = ['signer', 'export', '--dir', dir, '--out', out];
  await runAndKill(args, () => pause(delayMs));
  if (existsSync(out)) assert.equal(readFileSync(out, 'utf8').split('\n').length - 1, signed);
  assert.equal((await chainmail(args)).code, 0);
  const left = readdirSync(folder).filter((name) => name.startsWith('signed.jsonl'));
  assert.deepEqual(left, ['signed.jsonl']);
}

/** Waits until more than so many are signed, or the process has ended. */
async function untilSigned(dir: string, pid: number | undefined, signed: number): Promise<void> {
  while (pid !== undefined && existsSync(`/proc/${pid}/fd`)) {
    if ((await within(sqlite(dir), (store) => store.counts())).signed > signed) return;
    await pause(10);
  }
}

/** Waits until a process holds the directory's lock, or gives up after a while: then it has ended already. */
async function untilLocked(dir: string, pid: number | undefined): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) {
    try {
      if (readFileSync(join(dir, 'pid'), 'utf8').trim() === String(pid)) return;
    } catch {
      // not there yet, or already gone
    }
    await pause(5);
  }
}

/** Starts runs over HTTP and kills the service at random moments; each new one goes on with what the last one left. */
export async function stormService(folder: string, kills: number, spanMs: number): Promise<void> {
  const dir = join(folder, 'served');
  const imported = new Set<string>();
  assert.equal((await chainmail(['signer', 'keys', 'generate', '--dir', dir, '--count', '3'])).code, 0);
  const { file, ids } = writeRecords(folder, 'served.jsonl', 1_500 * kills);
  assert.equal((await chainmail(['signer', 'import', '--dir', dir, file])).code, 0);
  for (const id of ids) imported.add(id);
  const serve = async (): Promise<{ command: LongCommand; url: string }> => {
    const command = new LongCommand(['signer', 'run', '--dir', dir, '--listen', '127.0.0.1:0', '--json']);
    return { command, url: (await command.json<{ readonly url: string }>()).url };
  };
  for (let kill = 0; kill < kills; kill++) {
    const { command, url } = await serve();
    const answer = await fetch(`${url}/sign/100`, { method: 'POST' });
    assert.equal(answer.status, 202);
    await pause(Math.random() * spanMs);
    await command.end('SIGKILL');
    await within(sqlite(dir), (store) => checkNothingLost(store, imported));
  }
  const { command, url } = await serve();
  const answer = await fetch(`${url}/sign/100?wait=1`, { method: 'POST' });
  assert.equal(answer.status, 200);
  const { unsigned } = (await answer.json()) as { readonly unsigned: number };
  assert.equal(await command.end(), 0);
  assert.equal(unsigned, 0, 'a resumed run leaves nothing unsigned');
  const { signed } = await within(sqlite(dir), (store) => checkNothingLost(store, imported));
  assert.deepEqual(await wrongIds(signed), []);
}

/** Signs from a database of the MongoDB protocol, and kills the signer, the database, or both at random moments. */
export async function stormMongodb(
  server: MongodbServer,
  folder: string,
  kills: number,
  spanMs: number,
): Promise<void> {
  const url = server.newDatabase();
  const keys = join(folder, 'keys.json');
  const imported = new Set<string>();
  assert.equal((await chainmail(['signer', 'keys', 'generate', '--dir', folder, '--count', '3'])).code, 0);
  const { file, ids } = writeRecords(folder, 'mongodb.jsonl', 60 * kills);
  assert.equal((await chainmail(['signer', 'import', '--store', url, file])).code, 0);
  for (const id of ids) imported.add(id);
  for (let kill = 0; kill < kills; kill++) {
    const command = new LongCommand(['signer', 'sign', '--store', url, '--keys', keys, '--size', '50']);
    await pause(300 + Math.random() * spanMs);
    const isDatabase = server.isOurs && kill % 2 === 1;
    if (isDatabase) await server.kill();
    if (!isDatabase || kill % 4 === 1) await command.end('SIGKILL');
    if (isDatabase) await server.restart();
    await command.end();
    await within(MongoRecordStore.open(url), async (store) => {
      await checkNothingLost(store, imported, true);
      await releaseRun(store);
    });
  }
  const { code, stderr } = await chainmail(['signer', 'sign', '--store', url, '--keys', keys, '--size', '50']);
  assert.equal(code, 0, stderr);
  const { unsigned, signed } = await within(MongoRecordStore.open(url), (store) => checkNothingLost(store, imported));
  assert.equal(unsigned, 0, 'a resume leaves nothing unsigned');
  assert.deepEqual(await wrongIds(signed), []);
}

/** As waiting for the minute in which a killed signer may still be alive; a test has no minute. */
async function releaseRun(store: RecordStore): Promise<void> {
  const run = await store.currentRun();
  if (run !== undefined) await store.driveRun(run.runId, run.driver, Date.now() as UnixMs, 0);
}
