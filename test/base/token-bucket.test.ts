import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { MonotonicMs } from '../../src/base/time.ts';
import { TokenBucket } from '../../src/base/token-bucket.ts';

const at = (ms: number): MonotonicMs => ms as MonotonicMs;
const RATE = { tokensPerSecond: 10, burstTokens: 3 };

describe('token bucket', () => {
  it('gives its burst at once and then what time brings', () => {
    const bucket = new TokenBucket(RATE, at(0));
    assert.deepEqual(
      [0, 0, 0, 0, 99, 100, 100, 250].map((ms) => bucket.take(at(ms))),
      [true, true, true, false, false, true, false, true],
    );
  });

  it('takes nothing by looking', () => {
    const bucket = new TokenBucket(RATE, at(0));
    for (let i = 0; i < 10; i++) assert.equal(bucket.has(at(0), 3), true);
    assert.equal(bucket.take(at(0), 3), true);
    assert.equal(bucket.has(at(0)), false);
  });

  it('takes all the tokens that are asked for, or none', () => {
    const bucket = new TokenBucket(RATE, at(0));
    assert.equal(bucket.take(at(0), 4), false);
    assert.equal(bucket.take(at(0), 3), true);
  });

  it('never holds more than its burst, however long it rests', () => {
    const bucket = new TokenBucket(RATE, at(0));
    bucket.take(at(0), 3);
    assert.equal(bucket.isFull(at(299)), false);
    assert.equal(bucket.isFull(at(310)), true);
    assert.equal(bucket.has(at(1e12), 4), false);
  });

  it('gives, over any span, no more than burst and rate allow', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 200 }), (pauses) => {
        const bucket = new TokenBucket(RATE, at(0));
        let now = 0;
        let taken = 0;
        for (const pause of pauses) {
          now += pause;
          if (bucket.take(at(now))) taken++;
          assert.ok(taken <= RATE.burstTokens + (now / 1_000) * RATE.tokensPerSecond + 1e-6);
        }
      }),
    );
  });
});
