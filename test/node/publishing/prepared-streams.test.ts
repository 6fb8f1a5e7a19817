import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CounterRanges, RANGES_MAX } from '../../../src/engine/held/counter-ranges.ts';
import type { HeldStream } from '../../../src/engine/held/held-streams.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { type StreamKey, streamKeyOf } from '../../../src/message/message-id.ts';
import { PREPARED_CLIENTS_MAX, PreparedStreams, UNPOSTED_MAX } from '../../../src/node/publishing/prepared-streams.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import { NOW_MS } from '../../support/mesh/mesh-fixture.ts';

const ANN = parseNodeId('ann');

/** What is held, and one who lays out messages beside it. */
function desk(seed = 'desk') {
  const held = new Map<StreamKey, HeldStream>();
  const prepared = new PreparedStreams(new SeededRandom(seed), held);
  const post = ({ incarnation, counter }: { readonly incarnation: number; readonly counter: number }): boolean => {
    const key = streamKeyOf(ANN, incarnation);
    const stream = held.get(key) ?? { key, origin: ANN, incarnation, ranges: new CounterRanges(), live: new Map() };
    held.set(key, stream);
    return stream.ranges.hasRoomFor(counter) && stream.ranges.add(counter);
  };
  return { held, prepared, post };
}

describe('prepared streams', () => {
  it('give consecutive counters while what was laid out comes', () => {
    const { held, prepared, post } = desk();
    const first = prepared.nextPlace(NOW_MS, ANN);
    assert.ok(post(first));
    for (let i = 1; i < 1_000; i++) {
      const place = prepared.nextPlace(NOW_MS, ANN);
      assert.deepEqual(place, { incarnation: first.incarnation, counter: first.counter + i });
      assert.ok(post(place));
    }
    assert.deepEqual([...held.values()][0]?.ranges.flat, [first.counter, first.counter + 1_000]);
  });

  it('begin anew where too much never came, and have room for all of it', () => {
    const { held, prepared, post } = desk();
    const places = Array.from({ length: 1_000 }, () => prepared.nextPlace(NOW_MS, ANN));
    assert.equal(new Set(places.map(({ incarnation }) => incarnation)).size, Math.ceil(1_000 / UNPOSTED_MAX));
    for (const [i, place] of places.entries()) if (i % 2 === 0) assert.ok(post(place));
    for (const { ranges } of held.values()) assert.ok(ranges.count <= RANGES_MAX / 2);
    for (const [i, place] of places.entries()) if (i % 2 === 1) assert.ok(post(place));
  });

  it('of two nodes do not meet', () => {
    const counters = ['one', 'two'].map((seed) => desk(seed).prepared.nextPlace(NOW_MS, ANN).counter);
    assert.ok(Math.abs((counters[0] as number) - (counters[1] as number)) > 1_000_000);
    for (const counter of counters) assert.ok(Number.isSafeInteger(counter + 2 ** 40));
  });

  it(`remember ${PREPARED_CLIENTS_MAX} clients; one that is forgotten gets another stream`, () => {
    const { prepared } = desk();
    const before = prepared.nextPlace(NOW_MS, ANN);
    for (let i = 0; i < PREPARED_CLIENTS_MAX; i++) prepared.nextPlace(NOW_MS, parseNodeId(`n${i}`));
    assert.notEqual(prepared.nextPlace(NOW_MS, ANN).counter, before.counter + 1);
  });
});
