import assert from 'node:assert/strict';
import { renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { STORE_LOOK_MS } from '../../../src/authority/health/readiness.ts';
import { DAY_MS, HOUR_MS } from '../../../src/base/time.ts';
import { authorityLayout } from '../../../src/daemon/directory.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { exchange } from '../../../src/host/http/client.ts';
import type { AuthorityStore } from '../../../src/ports/authority-store.ts';
import { MemoryAuthorityStore } from '../../support/stores/memory-authority-store.ts';
import { startAuthority } from '../../support/processes/authority-process.ts';
import { newToken } from '../../support/mesh/authority-world.ts';
import { NO_SMALL_DISK, smallDisk } from '../../support/foreign/small-disk.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { authorityApp } from './support.ts';

type App = Awaited<ReturnType<typeof authorityApp>>['app'];

async function readyz(app: App): Promise<{ status: number; detail: string | undefined }> {
  const answer = await app.inject('/readyz');
  return { status: answer.statusCode, detail: answer.json<{ detail?: string }>().detail };
}

async function readyzOf(directory: string): Promise<{ status: number; code: string; detail: string }> {
  const answer = await exchange(
    { tag: 'socket', path: controlSocketOf(directory) },
    { method: 'GET', path: '/readyz' },
  );
  const { code, detail } = JSON.parse(Buffer.from(answer.body).toString()) as { code: string; detail: string };
  return { status: answer.status, code, detail };
}

describe('GET /readyz', () => {
  for (const jumpMs of [2 * HOUR_MS, -2 * HOUR_MS])
    it(`says that the clock jumped by ${jumpMs / HOUR_MS} hours, until it is accepted`, async () => {
      const { app, authority, clock } = await authorityApp();
      assert.deepEqual(await readyz(app), { status: 200, detail: undefined });
      clock.jump(jumpMs);
      const { status, detail } = await readyz(app);
      assert.equal(status, 503);
      assert.match(detail ?? '', /clock/);
      await authority.acceptClock('test');
      assert.equal((await readyz(app)).status, 200);
    });

  it('says that the revocation list has expired, until there is a new one', async () => {
    const { app, authority, clock } = await authorityApp();
    clock.pass(30 * DAY_MS);
    const { status, detail } = await readyz(app);
    assert.equal(status, 503);
    assert.match(detail ?? '', /revocation list expired/);
    await authority.tendCrl('if-due');
    assert.equal((await readyz(app)).status, 200);
  });

  it('says that the store cannot be written, and looks no more often than it may', async () => {
    const memory = new MemoryAuthorityStore();
    let trouble: Error | undefined;
    let lost: string | undefined;
    let looks = 0;
    const store: AuthorityStore = {
      transact: async (work) => {
        looks++;
        if (trouble !== undefined) throw trouble;
        return memory.transact(work);
      },
      whyLost: async () => lost,
      close: () => memory.close(),
    };
    const { app, authority, clock } = await authorityApp({ store });
    assert.equal((await readyz(app)).status, 200);
    trouble = new Error('state file "/secret/path": disk I/O error', { cause: new Error('disk I/O error') });
    const before = looks;
    assert.equal((await readyz(app)).status, 200); // what was seen a moment ago
    assert.equal(looks, before);
    clock.pass(STORE_LOOK_MS);
    assert.deepEqual(await readyz(app), { status: 503, detail: 'the store cannot be written: disk I/O error' });
    trouble = undefined;
    assert.equal((await readyz(app)).status, 200, 'well again at once');
    // A write that failed is a look as well, and so is one that was refused by the work itself not.
    await assert.rejects(authority.cancelTicket('0'.repeat(16), 'test'), { code: 'ERR_NOT_FOUND' });
    const looked = looks;
    assert.deepEqual([(await readyz(app)).status, looks], [200, looked]);
    trouble = new Error('state file "/secret/path": disk I/O error', { cause: new Error('disk I/O error') });
    await assert.rejects(newToken(authority), trouble);
    assert.equal((await readyz(app)).status, 503);
    trouble = undefined;
    assert.equal((await readyz(app)).status, 200);
    const seen = looks;
    lost = 'the store was moved away';
    assert.deepEqual([await readyz(app), looks], [{ status: 503, detail: lost }, seen], 'asked of the store each time');
    lost = undefined;
    assert.equal((await readyz(app)).status, 200);
  });
});

describe('GET /readyz of a process', () => {
  it('says that its state file is gone', async (t) => {
    const directory = join(tempDir(t), 'ca');
    const running = await startAuthority(directory);
    t.after(() => running.close());
    const { database } = authorityLayout(directory);
    assert.equal((await readyzOf(directory)).status, 200);
    renameSync(database, `${database}.away`);
    const { status, code, detail } = await readyzOf(directory);
    assert.deepEqual([status, code], [503, 'ERR_NOT_READY']);
    assert.match(detail, /state file is gone/);
    renameSync(`${database}.away`, database);
    assert.equal((await readyzOf(directory)).status, 200);
  });

  it('says that the disk is full', async (t) => {
    const disk = smallDisk(t, 4);
    if (disk === undefined) return t.skip(NO_SMALL_DISK);
    const directory = join(disk, 'ca');
    const running = await startAuthority(directory);
    try {
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(join(disk, 'filler'), new Uint8Array(bavail * bsize));
      let answer = await readyzOf(directory);
      while (answer.status === 200) {
        // The write-ahead log may reuse what it has for a while; then it has to grow.
        const ticket = { method: 'POST', path: '/v1/tickets', body: {} } as const;
        await exchange({ tag: 'socket', path: controlSocketOf(directory) }, ticket);
        answer = await readyzOf(directory);
      }
      assert.equal(answer.status, 503);
      assert.match(answer.detail, /the store cannot be written: .*full/);
      const refused = await exchange(
        { tag: 'socket', path: controlSocketOf(directory) },
        { method: 'POST', path: '/v1/tickets', body: {} },
      );
      const problem = JSON.parse(Buffer.from(refused.body).toString()) as Record<string, string>;
      assert.deepEqual([refused.status, problem['code'], refused.headers['retry-after']], [503, 'ERR_STORAGE', '10']);
      assert.match(problem['hint'] ?? '', /make room/);
      assert.equal(problem['detail']?.includes(disk), false);
      rmSync(join(disk, 'filler'));
      assert.equal((await readyzOf(directory)).status, 200, 'at once');
    } finally {
      rmSync(join(disk, 'filler'), { force: true });
      await running.close();
    }
  });
});
