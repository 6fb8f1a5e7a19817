import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MINUTE_MS } from '../../src/base/time.ts';
import { World } from '../../src/sim/world.ts';

describe('a mesh in which nothing is said', () => {
  it('comes to rest: nodes find their links, and do not displace each other for ever', async () => {
    const world = await World.create({ seed: 5, nodes: 100, latencyMsMin: 5, latencyMsMax: 60, lossRatio: 0 });
    let linksUp = 0;
    world.watch({
      violations: [],
      handle: (_nowMs, event) => {
        if (event.tag === 'node' && event.event.tag === 'link-up') linksUp++;
      },
    });
    world.startAll();
    world.run(15 * MINUTE_MS);
    assert.ok(linksUp > 100);
    linksUp = 0;
    world.run(10 * MINUTE_MS);
    assert.equal(linksUp, 0);
  });
});
