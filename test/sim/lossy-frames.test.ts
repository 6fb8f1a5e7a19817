import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concatBytes } from '../../src/base/bytes.ts';
import type { Frame } from '../../src/engine/links/frame.ts';
import { decodeFrame, encodeFrame } from '../../src/engine/links/frame-codec.ts';
import { FrameSplitter } from '../../src/engine/links/frame-splitter.ts';
import { loseFrames } from '../../src/sim/network/lossy-frames.ts';
import { SeededRandom } from '../../src/sim/seeded-random.ts';

const FRAMES: readonly Frame[] = [
  { tag: 'ping' },
  { tag: 'message', bytes: new Uint8Array(100) },
  { tag: 'pull-done', id: 1, more: false },
  { tag: 'have', keys: [] },
  { tag: 'message', bytes: new Uint8Array(23) },
  { tag: 'pull', id: 2, summary: '00'.repeat(8), crls: [] },
  { tag: 'crls', crls: [] },
  { tag: 'chain', certificates: [] },
];
const piece = concatBytes(...FRAMES.map(encodeFrame));
const framesOf = (bytes: Uint8Array | undefined): Frame[] =>
  bytes === undefined ? [] : new FrameSplitter().push(bytes).map(decodeFrame);

describe('lossy frames', () => {
  it('leave everything where nothing is lost', () => {
    const { bytes, credit } = loseFrames(piece, 0, new SeededRandom('a'));
    assert.deepEqual(bytes, piece);
    assert.equal(credit, undefined);
  });

  it('lose pushes and pulls, never what keeps a link or answers a question', () => {
    const { bytes, credit } = loseFrames(piece, 1, new SeededRandom('a'));
    assert.deepEqual(
      framesOf(bytes).map(({ tag }) => tag),
      ['ping', 'pull-done', 'chain'],
    );
    assert.deepEqual(framesOf(credit), [{ tag: 'credit', bytes: 123 }], 'what was lost is granted again');
  });

  it('lose about the share that they should, and leave a stream that is well formed', () => {
    const random = new SeededRandom('a');
    let kept = 0;
    for (let i = 0; i < 1_000; i++)
      kept += framesOf(loseFrames(piece, 0.2, random).bytes).filter(({ tag }) => tag === 'message').length;
    assert.ok(Math.abs(kept - 1_600) < 100, `${kept}`);
  });
});
