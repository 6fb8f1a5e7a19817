import { describe, it, type TestContext } from 'node:test';
import { MongodbServer, missingMongodb } from '../support/foreign/mongodb-server.ts';
import { stormMongodb, stormService, stormSqlite } from '../support/processes/signer-storm.ts';
import { tempDir } from '../support/temp-dir.ts';

/** In all; fewer with `CHAINMAIL_SIGNER_KILLS`. */
const KILLS = Number(process.env['CHAINMAIL_SIGNER_KILLS'] ?? 1_000);

/** Begins anew every so many kills: every count reads the whole store, which would grow from kill to kill. */
async function rounds(
  t: TestContext,
  share: number,
  killsOfRound: number,
  storm: (kills: number) => Promise<void>,
): Promise<void> {
  const kills = Math.round(KILLS * share);
  for (let done = 0; done < kills; done += killsOfRound) {
    await storm(Math.min(killsOfRound, kills - done));
    t.diagnostic(`${Math.min(kills, done + killsOfRound)} of ${kills} kills`);
  }
}

describe('a thousand kill -9 at random moments: nothing lost, nothing twice, every signature valid (T20)', {
  concurrency: true,
}, () => {
  it('600 kills of import, sign and export', (t) => rounds(t, 0.6, 30, (kills) => stormSqlite(tempDir(t), kills, 900)));

  it('300 kills of the service', (t) => rounds(t, 0.3, 20, (kills) => stormService(tempDir(t), kills, 250)));

  it('100 kills of signer and database', { skip: missingMongodb }, async (t) => {
    const server = await MongodbServer.start();
    t.after(() => server.stop());
    await rounds(t, 0.1, 10, (kills) => stormMongodb(server, tempDir(t), kills, 700));
  });
});
