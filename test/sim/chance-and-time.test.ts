import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { utf8 } from '../../src/base/bytes.ts';
import { sha256 } from '../../src/crypto/hash.ts';
import { EventQueue } from '../../src/sim/event-queue.ts';
import { Pipe } from '../../src/sim/network/pipe.ts';
import { SeededRandom } from '../../src/sim/seeded-random.ts';
import { ACTIONS_PER_MS_MAX, VirtualTime, WORLD_BEGINS_AT } from '../../src/sim/virtual-time.ts';

describe('seeded random', () => {
  const draw = (random: SeededRandom): number[] => Array.from({ length: 20 }, () => random.uint32());

  it('repeats itself for one label, and not for another', () => {
    assert.deepEqual(draw(new SeededRandom('a')), draw(new SeededRandom('a')));
    assert.notDeepEqual(draw(new SeededRandom('a')), draw(new SeededRandom('b')));
  });

  it('forks alike however much has been drawn', () => {
    const random = new SeededRandom('a');
    const before = draw(random.fork('x'));
    draw(random);
    assert.deepEqual(draw(random.fork('x')), before);
    assert.notDeepEqual(draw(random.fork('y')), before);
  });

  it('is xoshiro128**: every number follows from the state by its definition', () => {
    // Any two equal generators in step; the reference steps beside it, from the state that the label hashes to.
    const seed = sha256(utf8('reference'));
    const view = new DataView(seed.buffer, seed.byteOffset);
    let [s0, s1, s2, s3] = [0, 4, 8, 12].map((place) => view.getUint32(place)) as [number, number, number, number];
    const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));
    const random = new SeededRandom('reference');
    for (let i = 0; i < 1_000; i++) {
      assert.equal(random.uint32(), Math.imul(rotate(Math.imul(s1, 5), 7), 9) >>> 0);
      const shifted = s1 << 9;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= shifted;
      s3 = rotate(s3, 11);
    }
  });

  it('gives every number below a bound, and about equally often', () => {
    const random = new SeededRandom('even');
    const counts = new Map<number, number>();
    for (let i = 0; i < 60_000; i++) {
      const value = random.below(6);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    assert.deepEqual(
      [...counts.keys()].toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5],
    );
    for (const count of counts.values()) assert.ok(Math.abs(count - 10_000) < 500, `${count}`);
  });

  it('keeps to its bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), fc.string(), (bound, label) => {
        const random = new SeededRandom(label);
        for (let i = 0; i < 10; i++) {
          const value = random.below(bound);
          assert.ok(Number.isInteger(value) && value >= 0 && value < bound);
        }
      }),
    );
    for (const bound of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN])
      assert.throws(() => new SeededRandom('a').below(bound), RangeError);
  });

  it('shuffles without loss, and leaves the original', () => {
    const items = Object.freeze(Array.from({ length: 50 }, (_, i) => i));
    const shuffled = new SeededRandom('a').shuffled(items);
    assert.notDeepEqual(shuffled, items);
    assert.deepEqual(
      shuffled.toSorted((a, b) => a - b),
      items,
    );
  });

  it('is true in the share of cases that is asked for', () => {
    const random = new SeededRandom('chance');
    const count = Array.from({ length: 10_000 }, () => random.chance(0.1)).filter(Boolean).length;
    assert.ok(Math.abs(count - 1_000) < 150, `${count}`);
    assert.equal(random.chance(0), false);
    assert.equal(random.chance(1), true);
  });
});

describe('event queue', () => {
  it('gives what is due first, and of equals what was added first', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20), { maxLength: 200 }),
        fc.array(fc.boolean(), { maxLength: 300 }),
        (times, takes) => {
          const queue = new EventQueue();
          const waiting: { at: number; order: number }[] = [];
          const happened: number[] = [];
          let order = 0;
          const take = (): void => {
            const first = waiting.toSorted((a, b) => a.at - b.at || a.order - b.order)[0];
            assert.equal(queue.nextAt, first?.at);
            queue.pop()?.();
            assert.equal(happened.pop(), first?.order);
            if (first !== undefined) waiting.splice(waiting.indexOf(first), 1);
          };
          for (const at of times) {
            const mine = order++;
            queue.push(at, () => happened.push(mine));
            waiting.push({ at, order: mine });
            if (takes[mine] === true) take();
          }
          while (waiting.length > 0) take();
          assert.equal(queue.size, 0);
          assert.equal(queue.pop(), undefined);
        },
      ),
    );
  });
});

describe('virtual time', () => {
  it('passes when all that is due has happened, in order', () => {
    const time = new VirtualTime();
    const log: string[] = [];
    time.at(20, () => log.push(`${time.nowMs} b`));
    time.at(10, () => {
      log.push(`${time.nowMs} a`);
      time.after(0, () => log.push(`${time.nowMs} a2`));
      time.at(5, () => log.push(`${time.nowMs} late`));
      time.after(9.2, () => log.push(`${time.nowMs} c`));
    });
    time.at(10, () => log.push(`${time.nowMs} d`));
    time.runUntil(30);
    assert.deepEqual(log, ['10 a', '10 d', '10 a2', '10 late', '20 b', '20 c']);
    assert.equal(time.nowMs, 30);
    assert.equal(time.instant().mono, 30);
    assert.equal(time.instant().wall, WORLD_BEGINS_AT + 30);
    assert.equal(time.actions, 6);
  });

  it('stops where it is told, before or at a time', () => {
    const time = new VirtualTime();
    let count = 0;
    for (let ms = 1; ms <= 10; ms++) time.at(ms, () => count++);
    assert.equal(time.runUntil(4), false);
    assert.equal(count, 4);
    assert.equal(
      time.runUntil(100, () => count === 7),
      true,
    );
    assert.equal(time.nowMs, 7);
  });

  it('says so when something asks for more without end', () => {
    const time = new VirtualTime();
    const again = (): void => time.after(0, again);
    time.at(1, again);
    assert.throws(() => time.runUntil(2), /without end/);
  });
});

describe('pipe', () => {
  it('keeps the order, whatever each piece takes, also across a cut', () => {
    const delays = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(delays, fc.nat(60), fc.nat(60), (latencies, cutAt, cutForMs) => {
        const time = new VirtualTime();
        const random = new SeededRandom('pipe');
        let isCut = false;
        let held = 0;
        const pipe = new Pipe(time, {
          latencyMs: () => latencies[random.below(latencies.length)] as number,
          isCut: () => isCut,
          held: () => held++,
        });
        const arrived: number[] = [];
        for (let i = 0; i < 30; i++)
          time.at(3 * i, () =>
            pipe.send(() => {
              assert.equal(isCut, false, 'nothing passes the cut');
              arrived.push(i);
            }),
          );
        time.at(cutAt, () => {
          isCut = true;
        });
        time.at(cutAt + cutForMs, () => {
          isCut = false;
          pipe.release();
        });
        time.runUntil(10_000);
        assert.deepEqual(
          arrived,
          Array.from({ length: 30 }, (_, i) => i),
        );
        assert.ok(held <= 1, 'asked to be released once');
      }),
    );
  });
});

describe('a world that would stand still', () => {
  it('is told: so many actions fit into a millisecond, and not one more', () => {
    const time = new VirtualTime();
    let left = ACTIONS_PER_MS_MAX;
    const again = (): void => {
      if (--left > 0) time.after(0, again);
    };
    time.after(0, again);
    time.runUntil(0);
    assert.equal(time.actions, ACTIONS_PER_MS_MAX);
    left = 1;
    time.after(1, again);
    time.runUntil(1);
    time.after(0, () => time.after(0, again));
    left = ACTIONS_PER_MS_MAX;
    assert.throws(() => time.runUntil(1), /asks for more without end/);
  });
});
