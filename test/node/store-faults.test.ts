import { before, describe, it } from 'node:test';
import { MeshFixture } from '../support/mesh/mesh-fixture.ts';
import { FAULT_NODES, storeFaults } from '../support/suites/store-faults.ts';

const SEEDS = 8;

describe('a store that fails, loses a write, or writes and never says so', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('faults', ...FAULT_NODES);
  });

  for (let seed = 1; seed <= SEEDS; seed++)
    it(`loses nothing that was acknowledged, and says nothing twice under one number (seed ${seed})`, () =>
      storeFaults(fixture, seed));
});
