import { describe, it } from 'node:test';
import { MongodbServer, missingMongodb } from '../support/mongodb-server.ts';
import { stormMongodb, stormService, stormSqlite } from '../support/signer-storm.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('a thousand kill -9 at random moments: nothing lost, nothing twice, every signature valid (T20)', () => {
  it('600 kills of import and sign', (t) => stormSqlite(tempDir(t), 600, 900));

  it('300 kills of the service', (t) => stormService(tempDir(t), 300, 250));

  it('100 kills of signer and database', { skip: missingMongodb }, async (t) => {
    const server = await MongodbServer.start();
    t.after(() => server.stop());
    for (let round = 0; round < 10; round++) await stormMongodb(server, tempDir(t), 10, 700);
  });
});
