import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CounterRanges, RANGES_MAX } from '../../../src/engine/held/counter-ranges.ts';
import { DIGEST_STREAMS_MAX } from '../../../src/engine/links/frame.ts';
import { encodeFrame } from '../../../src/engine/links/frame-codec.ts';
import type { HeldStream } from '../../../src/engine/held/held-streams.ts';
import { digestPages, isInPage, PAGE_BYTES_MAX } from '../../../src/engine/gossip/pull-digest.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { type StreamKey, streamKeyOf } from '../../../src/message/message-id.ts';

function streamsOf(keys: readonly StreamKey[], flat: readonly number[]): Map<StreamKey, HeldStream> {
  const stream = (key: StreamKey) => ({ key, ranges: CounterRanges.fromFlat(flat) }) as unknown as HeldStream;
  return new Map(keys.map((key) => [key, stream(key)]));
}

const keysOf = (count: number, name = 'n'): StreamKey[] =>
  Array.from({ length: count }, (_, i) => streamKeyOf(parseNodeId(name), i));

describe('digest pages', () => {
  it('are one, and the last, where nothing is held', () => {
    assert.deepEqual(
      digestPages(new Map(), () => true),
      [{ from: '', to: '', last: true, streams: [] }],
    );
  });

  for (const count of [1, DIGEST_STREAMS_MAX - 1, DIGEST_STREAMS_MAX, DIGEST_STREAMS_MAX + 1, 1_000])
    it(`name each of ${count} streams once, and give every key that there may be one page`, () => {
      const keys = keysOf(count);
      const pages = digestPages(streamsOf(keys, [0, 1]), () => true);
      assert.deepEqual(
        pages.flatMap(({ streams }) => streams.map(({ key }) => key)),
        keys.toSorted(),
      );
      assert.deepEqual(
        pages.map(({ last }) => last),
        pages.map((_, i) => i === pages.length - 1),
      );
      for (const page of pages) assert.ok(page.streams.length <= DIGEST_STREAMS_MAX);
      fc.assert(
        fc.property(fc.oneof(fc.constantFrom(...keys), fc.string({ minLength: 1 })), (key) => {
          assert.equal(pages.filter((page) => isInPage(key, page)).length, 1);
        }),
      );
      for (const page of pages) for (const { key } of page.streams) assert.ok(isInPage(key, page));
    });

  it('fit a frame, whatever an author does with its counters (T17)', () => {
    const worst = Array.from({ length: 2 * RANGES_MAX }, (_, i) => 2 ** 50 + 2 * i);
    const pages = digestPages(streamsOf(keysOf(2 * DIGEST_STREAMS_MAX, 'n'.repeat(63)), worst), () => true);
    for (const page of pages)
      assert.ok(encodeFrame({ tag: 'digest', id: Number.MAX_SAFE_INTEGER, ...page }).length <= PAGE_BYTES_MAX);
    assert.ok(pages.length > 2, 'bytes end a page before its streams do');
    assert.equal(pages.flatMap(({ streams }) => streams).length, 2 * DIGEST_STREAMS_MAX);
  });
});
