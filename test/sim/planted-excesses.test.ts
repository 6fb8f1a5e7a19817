import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CounterRanges } from '../../src/engine/held/counter-ranges.ts';
import { HeldMessages } from '../../src/engine/held/held-messages.ts';
import type { Frame } from '../../src/engine/links/frame.ts';
import { Link } from '../../src/engine/links/link.ts';
import { NodeParts } from '../../src/node/node-parts.ts';
import { plant, violationsOf } from './planting.ts';

describe('nodes that go beyond a limit, or hold against others what they may not, are noticed among twenty', () => {
  it('nodes that hold it against a neighbour that it passes on an author whom they do not know', async (t) => {
    plant(
      t,
      NodeParts.prototype,
      'frame',
      (original) =>
        function suspicious(this: NodeParts, now, link, frame) {
          const { parked } = this.exchange;
          original.call(this, now, link, frame);
          if (frame.tag === 'message' && this.exchange.parked > parked) link.handleReject(now);
        },
    );
    assert.match(await violationsOf('liar'), /holds something against the honest/);
  });

  it('nodes that remember streams of one author without end', async (t) => {
    plant(
      t,
      HeldMessages.prototype,
      'whyNoRoomFor',
      (original) =>
        function roomy(this: HeldMessages, message) {
          const why = original.call(this, message);
          return why?.includes('streams of this author') === true ? undefined : why;
        },
    );
    assert.match(await violationsOf('liar'), /\d+ streams of \S+ at \d+ ms, expected at most 1024/);
  });

  it('nodes that remember gaps in a stream without end', async (t) => {
    plant(t, CounterRanges.prototype, 'hasRoomFor', () => () => true);
    assert.match(await violationsOf('liar'), /ranges of counters in a stream of|parted as malformed/);
  });

  it('nodes that send more than the other side has granted', async (t) => {
    plant(
      t,
      Link.prototype,
      'sendMessage',
      () =>
        function pushing(this: Link, bytes) {
          (this as { send(frame: Frame): void }).send({ tag: 'message', bytes });
        },
    );
    // One of them says more at once than may be under way; whether a peer lacks all of it at once is chance.
    const told: string[] = [];
    for (const seed of [1, 2, 3, 4]) told.push(await violationsOf('partition-heal', { seed }));
    assert.match(told.join('\n'), /and the honest \S+ parted as misbehaved/);
  });
});
