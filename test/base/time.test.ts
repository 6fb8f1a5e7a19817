import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  after,
  earliest,
  type MonotonicMs,
  toRfc3339,
  type UnixMs,
  unixMsFromSeconds,
  unixSeconds,
} from '../../src/base/time.ts';

const mono = (ms: number): MonotonicMs => ms as MonotonicMs;

describe('time', () => {
  it('finds the earliest of the deadlines that are set', () => {
    assert.equal(earliest(), undefined);
    assert.equal(earliest(undefined, undefined), undefined);
    assert.equal(earliest(undefined, mono(5), mono(3), undefined, mono(4)), 3);
  });

  it('counts Unix seconds downwards, before 1970 too', () => {
    assert.equal(unixSeconds(1_999 as UnixMs), 1);
    assert.equal(unixSeconds(-1 as UnixMs), -1);
    assert.equal(unixMsFromSeconds(2), 2_000);
    assert.equal(after(unixMsFromSeconds(2), 5), 2_005);
  });

  it('is written in RFC 3339, with milliseconds only where there are some', () => {
    assert.equal(toRfc3339(1_800_000_000_000 as UnixMs), '2027-01-15T08:00:00Z');
    assert.equal(toRfc3339(1_800_000_000_001 as UnixMs), '2027-01-15T08:00:00.001Z');
  });
});
