import { describe, it } from 'node:test';
import { surviveCrashes } from '../support/processes/crash-storm.ts';
import { MeshFixture } from '../support/mesh/mesh-fixture.ts';
import { FAULT_NODES, storeFaults } from '../support/suites/store-faults.ts';
import { tempDir } from '../support/temp-dir.ts';

const ROUNDS = 10;
const KILLS = 20;
const SEEDS = 1_000;

describe('crashes, many', () => {
  for (let round = 1; round <= ROUNDS; round++)
    it(`${KILLS} kills -9 of authority and nodes at work, round ${round} of ${ROUNDS}`, (t) =>
      surviveCrashes(t, tempDir(t), KILLS));

  it(`${SEEDS} stories of stores that fail`, async () => {
    const fixture = await MeshFixture.create('faults', ...FAULT_NODES);
    const first = Date.now();
    for (let seed = first; seed < first + SEEDS; seed++)
      try {
        storeFaults(fixture, seed);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
  });
});
