import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DAY_MS, HOUR_MS, type Instant, type MonotonicMs, SECOND_MS, type UnixMs } from '../../../src/base/time.ts';
import { CLOCK_PLAUSIBLE_FROM, FLOOR_AHEAD_MS_MAX, TimeFloor } from '../../../src/node/time/time-floor.ts';

const NOW = Date.UTC(2027, 0, 15, 8);
const NOTHING = 0 as UnixMs;

/** So long after the start, with a wall clock that shows this. */
function at(mono: number, wall: number): Instant {
  return { mono: mono as MonotonicMs, wall: wall as UnixMs };
}

describe('the floor under the wall clock (T6)', () => {
  it('is nothing where the clock is later than all that the authority has signed', () => {
    const floor = new TimeFloor(at(0, NOW), (NOW - HOUR_MS) as UnixMs);
    assert.equal(floor.wallAt(at(5, NOW)), NOW);
    assert.equal(floor.raise(at(5, NOW), (NOW - 2 * HOUR_MS) as UnixMs), undefined);
    assert.equal(floor.behindMs(at(5, NOW)), 0);
  });

  it('holds a clock that was set back, and goes on with the time that passes', () => {
    const kept = (NOW + 3 * DAY_MS) as UnixMs;
    const floor = new TimeFloor(at(1_000, NOW), kept);
    assert.equal(floor.wallAt(at(1_000, NOW)), kept);
    assert.equal(floor.wallAt(at(1_000 + HOUR_MS, NOW + HOUR_MS)), kept + HOUR_MS);
    assert.equal(floor.wallAt(at(1_000.7, NOW)), kept, 'in whole milliseconds: stores take no other');
    assert.equal(floor.behindMs(at(1_000, NOW)), 3 * DAY_MS);
    assert.equal(floor.wallAt(at(2_000, kept + DAY_MS)), kept + DAY_MS, 'until the clock is right');
  });

  it('is raised by what the authority signs, to a day above a clock that may be right and no further', () => {
    const floor = new TimeFloor(at(0, NOW), NOTHING);
    const near = (NOW + HOUR_MS) as UnixMs;
    assert.equal(floor.raise(at(0, NOW), near), near);
    assert.equal(floor.wallAt(at(0, NOW)), near);
    const last = (NOW + FLOOR_AHEAD_MS_MAX) as UnixMs;
    const far = (last + SECOND_MS) as UnixMs;
    assert.equal(floor.raise(at(0, NOW), far), undefined);
    assert.equal(floor.wallAt(at(0, NOW)), near);
    assert.equal(floor.behindMs(at(0, NOW)), far - NOW, 'and it is told how far the two are apart');
    assert.equal(floor.raise(at(0, NOW), last), last);
    assert.equal(floor.raise(at(0, NOW), (far + DAY_MS) as UnixMs), undefined, 'the floor adds nothing to the clock');
  });

  it('is what the authority says where the clock cannot be right', () => {
    const floor = new TimeFloor(at(0, HOUR_MS), NOTHING);
    assert.equal(floor.raise(at(0, HOUR_MS), NOW as UnixMs), NOW);
    assert.equal(floor.wallAt(at(0, HOUR_MS)), NOW);
    const justRight = new TimeFloor(at(0, CLOCK_PLAUSIBLE_FROM), NOTHING);
    assert.equal(justRight.raise(at(0, CLOCK_PLAUSIBLE_FROM), NOW as UnixMs), undefined);
  });
});
