import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CounterRanges, RANGES_MAX } from '../../../src/engine/held/counter-ranges.ts';

const SPAN = 60;

/** What the ranges are, as a set: slow and plain. */
class Model {
  readonly held = new Set<number>();

  settleBelow(floor: number): void {
    for (let counter = 0; counter < floor; counter++) this.held.add(counter);
  }

  get flat(): number[] {
    const bounds: number[] = [];
    for (let counter = 0; counter <= SPAN + 1; counter++)
      if (this.held.has(counter) !== this.held.has(counter - 1)) bounds.push(counter);
    return bounds;
  }
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ tag: fc.constant('add' as const), at: fc.nat(SPAN) }) },
  { weight: 1, arbitrary: fc.record({ tag: fc.constant('settle' as const), at: fc.nat(SPAN) }) },
  { weight: 2, arbitrary: fc.record({ tag: fc.constant('remove' as const), at: fc.nat(SPAN) }) },
);

describe('counter ranges', () => {
  it('without others are what is in none of those', () => {
    const counters = fc.array(fc.nat(SPAN), { maxLength: 40 });
    fc.assert(
      fc.property(counters, counters, (ours, theirs) => {
        const [ranges, others, left] = [new CounterRanges(), new CounterRanges(), new CounterRanges()];
        for (const counter of ours) ranges.add(counter);
        for (const counter of theirs) others.add(counter);
        for (const counter of ours) if (!theirs.includes(counter)) left.add(counter);
        assert.deepEqual(ranges.without(others), left.flat);
      }),
    );
  });

  it('are the set that they stand for, whatever is added, removed and settled in whatever order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const ranges = new CounterRanges();
        const model = new Model();
        for (const { tag, at } of steps) {
          if (tag === 'add') {
            assert.equal(ranges.add(at), !model.held.has(at));
            model.held.add(at);
          } else if (tag === 'remove') {
            if (ranges.remove(at)) model.held.delete(at);
            else assert.ok(model.held.has(at) && ranges.count === RANGES_MAX);
          } else {
            ranges.settleBelow(at);
            model.settleBelow(at);
          }
          assert.deepEqual(ranges.flat, model.flat);
          assert.equal(ranges.count, model.flat.length / 2);
        }
        let gap = SPAN + 2;
        for (let counter = SPAN + 1; counter >= 0; counter--) {
          assert.equal(ranges.has(counter), model.held.has(counter));
          if (!model.held.has(counter)) gap = counter;
          assert.equal(ranges.gapFrom(counter), gap);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('come back from their flat form', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(SPAN), { maxLength: 40 }), (counters) => {
        const ranges = new CounterRanges();
        for (const counter of counters) ranges.add(counter);
        assert.deepEqual(CounterRanges.fromFlat(ranges.flat).flat, ranges.flat);
      }),
    );
  });

  it('join where the counter between two ranges comes', () => {
    const ranges = new CounterRanges();
    for (const counter of [0, 1, 3, 4]) ranges.add(counter);
    assert.deepEqual(ranges.flat, [0, 2, 3, 5]);
    ranges.add(2);
    assert.deepEqual(ranges.flat, [0, 5]);
  });

  it('say before the 65th range that there is no room, but always take what joins one', () => {
    const ranges = new CounterRanges();
    for (let i = 0; i < RANGES_MAX; i++) ranges.add(10 * i);
    assert.equal(ranges.count, RANGES_MAX);
    assert.equal(ranges.hasRoomFor(5), false);
    assert.equal(ranges.hasRoomFor(10 * RANGES_MAX), false);
    assert.equal(ranges.hasRoomFor(11), true, 'right behind a range');
    assert.equal(ranges.hasRoomFor(9), true, 'right before one');
    assert.equal(ranges.hasRoomFor(10), true, 'held already');
  });

  it('lose no counter where that would need a 65th range', () => {
    const ranges = new CounterRanges();
    for (let i = 0; i < RANGES_MAX; i++) for (const counter of [10 * i, 10 * i + 1, 10 * i + 2]) ranges.add(counter);
    assert.equal(ranges.remove(11), false);
    assert.equal(ranges.has(11), true);
    assert.equal(ranges.remove(12), true, 'the last of a range');
    assert.equal(ranges.remove(11), true, 'the last of what is left of it');
    assert.equal(ranges.count, RANGES_MAX);
  });

  it('settle to one range up to the floor', () => {
    const ranges = CounterRanges.fromFlat([2, 4, 6, 8, 10, 12]);
    ranges.settleBelow(0);
    assert.deepEqual(ranges.flat, [2, 4, 6, 8, 10, 12]);
    ranges.settleBelow(6);
    assert.deepEqual(ranges.flat, [0, 8, 10, 12]);
    ranges.settleBelow(20);
    assert.deepEqual(ranges.flat, [0, 20]);
  });

  for (const [name, flat] of [
    ['half a range', [1]],
    ['an empty range', [1, 1]],
    ['a falling range', [2, 1]],
    ['ranges that fall back', [5, 6, 1, 2]],
    ['ranges that touch', [1, 2, 2, 3]],
    ['a negative bound', [-1, 1]],
    ['a bound that is no integer', [0.5, 1]],
    ['a bound beyond 2^53', [0, 2 ** 53]],
    ['65 ranges', Array.from({ length: 2 * (RANGES_MAX + 1) }, (_, i) => i)],
  ] as const)
    it(`refuse ${name}`, () => assert.throws(() => CounterRanges.fromFlat(flat), RangeError));
});
