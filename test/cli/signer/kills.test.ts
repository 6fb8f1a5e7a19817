import { describe, it } from 'node:test';
import { MongodbServer, missingMongodb } from '../../support/foreign/mongodb-server.ts';
import { stormMongodb, stormService, stormSqlite } from '../../support/processes/signer-storm.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Fifty in all here; `npm run soak` does a thousand. */
describe('kill -9 at random moments: nothing lost, nothing twice, every signature valid (T20)', () => {
  it('34 kills of import, sign and export', (t) => stormSqlite(tempDir(t), 34, 700));

  it('4 kills of the service, which goes on with the run by itself', (t) => stormService(tempDir(t), 4, 250));

  it('12 kills of signer and database', { skip: missingMongodb }, async (t) => {
    const server = await MongodbServer.start();
    t.after(() => server.stop());
    await stormMongodb(server, tempDir(t), 12, 700);
  });
});
