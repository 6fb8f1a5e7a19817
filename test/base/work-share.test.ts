import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MonotonicMs, SECOND_MS } from '../../src/base/time.ts';
import {
  TURN_WORK_MS_MAX,
  WORK_BURST_MS_MAX,
  WORK_MS_PER_SECOND_MAX,
  WORK_SHARES_MAX,
  WorkShare,
  WorkShares,
} from '../../src/base/work-share.ts';

/** A peer that has always more to say, and what is spent on it until the end. */
function workWithin(spanMs: number, workMsEach: number): number {
  const share = new WorkShare();
  let work = 0;
  for (let now = 0; now < spanMs; ) {
    work += workMsEach;
    now += workMsEach;
    now += share.handleWork(now as MonotonicMs, workMsEach);
  }
  return work;
}

describe('the share of a process that one peer has', () => {
  it('is so much at once, and then it waits (T3)', () => {
    const share = new WorkShare();
    let work = 0;
    while (share.handleWork(0 as MonotonicMs, 1) === 0) work++;
    assert.equal(work, WORK_BURST_MS_MAX);
  });

  for (const workMsEach of [0.5, 10, 40])
    it(`is so much a second, in pieces of ${workMsEach} ms`, () => {
      const allowed = WORK_BURST_MS_MAX + 60 * WORK_MS_PER_SECOND_MAX;
      const work = workWithin(60_000, workMsEach);
      assert.ok(work <= allowed + workMsEach, `${work} ms`);
      assert.ok(work >= 0.9 * allowed, `${work} ms: it has its share`);
    });

  it('does not make a peer pay for an hour in which the machine slept', () => {
    const share = new WorkShare();
    const longest = new WorkShare().handleWork(0 as MonotonicMs, TURN_WORK_MS_MAX);
    assert.equal(share.handleWork(0 as MonotonicMs, 3_600_000), longest);
    assert.equal(share.handleWork((longest + SECOND_MS) as MonotonicMs, 1), 0, 'and then it has its share again');
  });

  it('is not saved up: who was quiet for an hour has no more at once than before', () => {
    const share = new WorkShare();
    share.handleWork(0 as MonotonicMs, 1);
    assert.equal(share.handleWork(3_600_000 as MonotonicMs, WORK_BURST_MS_MAX), 0);
    assert.ok(share.handleWork(3_600_000 as MonotonicMs, 1) > 0);
  });

  it('is one over all that a peer does, and each has its own, for as many as are remembered', () => {
    const shares = new WorkShares<number>();
    const now = 0 as MonotonicMs;
    shares.of(0).handleWork(now, 2 * WORK_BURST_MS_MAX);
    assert.ok(shares.of(0).restMs(now) > 0);
    for (let peer = 1; peer < WORK_SHARES_MAX; peer++) assert.equal(shares.of(peer).restMs(now), 0);
    assert.ok(shares.of(0).restMs(now) > 0, 'still remembered, and used last');
    for (let peer = 1; peer <= WORK_SHARES_MAX; peer++) shares.of(peer);
    assert.equal(shares.of(0).restMs(now), 0, 'forgotten');
  });
});
