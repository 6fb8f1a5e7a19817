import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { UnixMs } from '../../../src/base/time.ts';
import { ExpiryQueue } from '../../../src/engine/held/expiry-queue.ts';

const wall = (ms: number): UnixMs => ms as UnixMs;

describe('expiry queue', () => {
  it('gives back what has ended, never what has not, within a second', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20_000), { maxLength: 60 }),
        fc.array(fc.nat(25_000), { maxLength: 20 }),
        (ends, looks) => {
          const queue = new ExpiryQueue<number>();
          const waiting = new Map(ends.map((end, key) => [key, end]));
          for (const [key, end] of waiting) queue.add(key, wall(end));
          for (const now of looks.toSorted((a, b) => a - b)) {
            for (const key of queue.takeExpired(wall(now))) {
              assert.ok((waiting.get(key) as number) <= now);
              waiting.delete(key);
            }
            for (const end of waiting.values()) assert.ok(end > now - 1_000);
            const first = Math.min(...waiting.values());
            if (waiting.size === 0) assert.equal(queue.nextAt, undefined);
            else assert.ok((queue.nextAt as number) >= first && (queue.nextAt as number) < first + 1_000);
          }
        },
      ),
    );
  });

  it('forgets what is taken out, and finds the next', () => {
    const queue = new ExpiryQueue<string>();
    queue.add('a', wall(1_000));
    queue.add('b', wall(5_000));
    queue.delete('a', wall(1_000));
    queue.delete('a', wall(1_000));
    queue.delete('never', wall(7_000));
    assert.equal(queue.nextAt, 5_000);
    assert.deepEqual(queue.takeExpired(wall(10_000)), ['b']);
    assert.equal(queue.nextAt, undefined);
  });
});
