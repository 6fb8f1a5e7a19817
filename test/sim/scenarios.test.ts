import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ROUND_MS, SCENARIO_DEFAULTS, type ScenarioOptions, type ScenarioResult } from '../../src/sim/scenario.ts';
import { MINUTE_MS } from '../../src/base/time.ts';
import { World } from '../../src/sim/world.ts';
import { SCENARIOS } from '../../src/sim/scenarios/table.ts';

async function run(name: string, options: Partial<ScenarioOptions> = {}): Promise<ScenarioResult> {
  const scenario = SCENARIOS.find((known) => known.name === name);
  assert.notEqual(scenario, undefined);
  const result = await (scenario as (typeof SCENARIOS)[number]).run({ ...SCENARIO_DEFAULTS, ...options });
  const again = `chainmail sim ${name} --nodes ${result.nodes} --seed ${result.seed}`;
  assert.deepEqual(result.violations, [], again);
  assert.equal(result.ok, true, again);
  assert.equal(result.deliveredRatio, 1, again);
  return result;
}

/** Hard enough that every repair is needed, small enough to run with all other tests. */
const ROUGH = { lossRatio: 0.1, restarts: 5, linkBreaks: 10 } as const;

describe('scenarios', () => {
  it('gossip: every message reaches each of 100 nodes within a few rounds', async () => {
    const { rounds, counters } = await run('gossip', { nodes: 100 });
    assert.ok(rounds <= 8, `${rounds} rounds`);
    assert.equal(counters.deliveries, 99 * SCENARIO_DEFAULTS.messages);
    assert.equal(counters.heldMost, SCENARIO_DEFAULTS.messages);
  });

  it('gossip: and so it does with loss, restarts and broken links', async () => {
    for (const seed of [1, 2, 3]) await run('gossip', { ...ROUGH, nodes: 60, seed });
  });

  it('gossip: 10 % loss costs no more than eight rounds', async () => {
    const { rounds } = await run('gossip', { nodes: 100, lossRatio: 0.1 });
    assert.ok(rounds <= 8, `${rounds} rounds`);
  });

  it('gossip: where a hop takes a whole round and one push in ten is lost, 200 nodes need six: nobody asks or waits', async () => {
    const { rounds } = await run('gossip', {
      nodes: 200,
      messages: 3,
      latencyMsMin: ROUND_MS,
      latencyMsMax: ROUND_MS,
      lossRatio: 0.1,
    });
    assert.ok(rounds <= 6.5, `${rounds} rounds`);
  });

  it('partition-heal: two halves of 100 nodes catch up when they meet again', async () => {
    const { rounds } = await run('partition-heal', { nodes: 100 });
    assert.ok(rounds <= 60, `${rounds} rounds`);
  });

  it('partition-heal: halves in which everybody has links enough find each other all the same', async () => {
    for (const seed of [4, 5, 6]) await run('partition-heal', { ...ROUGH, nodes: 30, seed });
  });

  it('revocation: 100 nodes shut out those who are revoked (S1.71 to S1.74)', async () => {
    const { rounds } = await run('revocation', { nodes: 100 });
    assert.ok(rounds <= 8, `${rounds} rounds`);
  });

  it('revocation: and so they do with loss, restarts and broken links', async () => {
    for (const seed of [1, 2]) await run('revocation', { ...ROUGH, nodes: 40, seed });
  });

  it('delegates: devices and a wallet are heard by all, with loss, restarts and broken links, until they are void', async () => {
    for (const seed of [1, 2]) await run('delegates', { ...ROUGH, nodes: 40, seed });
  });

  for (const { name } of SCENARIOS)
    it(`${name}: equal arguments give an equal trace, and every other argument another`, async () => {
      const base = { nodes: 13, messages: 4 };
      const { traceSha256 } = await run(name, base);
      assert.match(traceSha256, /^[0-9a-f]{64}$/);
      assert.equal((await run(name, base)).traceSha256, traceSha256);
      for (const other of [{ seed: 2 }, { nodes: 12 }, { messages: 5 }, { latencyMsMax: 61 }])
        assert.notEqual((await run(name, { ...base, ...other })).traceSha256, traceSha256, JSON.stringify(other));
    });

  for (const nodes of [1, 2, 3, 4, 5, 14])
    it(`run with ${nodes} ${nodes === 1 ? 'node' : 'nodes'} too, as far as there is such a story`, async () => {
      for (const { name, nodesMin } of SCENARIOS) if (nodes >= nodesMin) await run(name, { nodes, messages: 2 });
    });

  for (const name of ['flood', 'liar', 'clone', 'eclipse', 'skew'])
    it(`${name}: 40 members, of some seeds, and with loss, restarts and broken links`, async () => {
      for (const seed of [1, 2]) await run(name, { nodes: 40, seed });
      await run(name, { ...ROUGH, nodes: 30, seed: 4 });
    });

  it('a mesh in which nothing happens comes to rest: no link gives way to another without end', async () => {
    const world = await World.create({ ...SCENARIO_DEFAULTS, nodes: 60, settings: { announces: false } });
    let linksUp = 0;
    world.watch({
      violations: [],
      handle: (_nowMs, event) => {
        if (event.tag === 'node' && event.event.tag === 'link-up') linksUp++;
      },
    });
    world.startAll();
    world.run(10 * MINUTE_MS);
    const before = linksUp;
    world.run(10 * MINUTE_MS);
    assert.ok(linksUp - before <= 12, `${linksUp - before} links in ten minutes, after ${before} in the first ten`);
  });

  it('flood: an author is taken from what it is allowed, and no more', async () => {
    const { counters } = await run('flood', { nodes: 30, messages: 5 });
    const said = 3 * 5 + 12;
    assert.ok(counters.heldMost > said, 'nodes took something of who flooded them');
    assert.ok(counters.heldMost < said + 200, `${counters.heldMost} messages at one node: he said thousands`);
  });
});
