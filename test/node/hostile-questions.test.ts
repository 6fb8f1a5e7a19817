import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import { concatBytes } from '../../src/base/bytes.ts';
import { CONTROL_FRAMES } from '../../src/engine/links/conduct.ts';
import { type Frame, FRAME_BYTES_MAX, LINK_VERSION } from '../../src/engine/links/frame.ts';
import { decodeFrame, encodeFrame } from '../../src/engine/links/frame-codec.ts';
import { FrameSplitter } from '../../src/engine/links/frame-splitter.ts';
import { TURN_BYTES_MAX } from '../../src/engine/links/turn-output.ts';
import { GRANTED_BYTES_MAX, WINDOW_BYTES } from '../../src/engine/links/credit.ts';
import type { StreamKey } from '../../src/message/message-id.ts';
import type { Certificate } from '../../src/pki/x509/certificate/certificate.ts';
import { MESH, MeshFixture } from '../support/mesh/mesh-fixture.ts';
import { type HandNode, NodeNet } from '../support/mesh/nodes-by-hand.ts';

const LINK = 4_711;
/** As many as a member may send at once, in one piece. */
const MANY = CONTROL_FRAMES.burstTokens / 4;

describe('questions of a hostile member, thousands in one piece (T3, T17)', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann', 'eve');
  });

  let net: NodeNet;
  let ann: HandNode;
  let written: Uint8Array[];
  beforeEach(() => {
    net = new NodeNet(fixture);
    ann = net.start('ann');
    written = [];
    ann.write = (_link, bytes) => void written.push(bytes);
    const { nodeId, chain } = fixture.member('eve');
    const end = { id: LINK, direction: 'inbound', peer: { nodeId, chain }, remoteAddress: '10.0.0.9:1' } as const;
    ann.node.handleLinkOpen(net.now, end, undefined);
  });

  /** @returns what ann writes in the turn in which she hears it. */
  const ask = (...frames: readonly Frame[]): Frame[] => {
    written.length = 0;
    ann.node.handleLinkBytes(net.now, LINK, concatBytes(...frames.map(encodeFrame)));
    ann.node.flush(net.now);
    return new FrameSplitter().push(concatBytes(...written)).map(decodeFrame);
  };
  const hello = (): Frame[] =>
    ask({
      tag: 'hello',
      version: LINK_VERSION,
      mesh: MESH,
      nodeId: fixture.member('eve').nodeId,
      software: 'eve',
      addresses: [],
      crls: [],
      heldIncarnation: 0,
      windowBytes: WINDOW_BYTES,
    });
  const times = (frame: Frame): Frame[] => Array.from({ length: MANY }, () => frame);
  const bytesWritten = (): number => written.reduce((sum, { length }) => sum + length, 0);
  const requireBounded = (): void => {
    assert.ok(bytesWritten() >= TURN_BYTES_MAX, `only ${bytesWritten()} bytes: nothing was pushed past`);
    assert.ok(bytesWritten() <= TURN_BYTES_MAX + FRAME_BYTES_MAX, `${bytesWritten()} bytes in one turn`);
  };

  it('for certificates are answered as far as one turn bears, and later ones again', () => {
    hello();
    const voucherId = (fixture.member('eve').chain[0] as Certificate).fingerprintHex;
    const wish: Frame = { tag: 'want-chains', voucherIds: [voucherId] };
    ask(...times({ tag: 'want-chains', voucherIds: Array.from({ length: 32 }, () => voucherId) }));
    requireBounded();
    assert.deepEqual(
      ask(wish).map(({ tag }) => tag),
      ['chain'],
    );
  });

  it('for messages, granting more with each, are answered as far as one turn bears', () => {
    ann.publish('x'.repeat(8_000), 'sensor/t');
    net.settle();
    hello();
    const [key] = Array.from(ann.node.holdings.messages.values(), ({ contentKey }) => contentKey).slice(-1);
    assert.ok(key !== undefined);
    ask(
      ...times({ tag: 'want', keys: [key] }).flatMap((want): Frame[] => [
        { tag: 'credit', bytes: GRANTED_BYTES_MAX },
        want,
      ]),
    );
    requireBounded();
    assert.ok(ask({ tag: 'want', keys: [key] }).some(({ tag }) => tag === 'message'));
  });

  it('are told what ann holds once a pull, however often they say that it differs', () => {
    const pull = hello().find((frame) => frame.tag === 'pull');
    assert.ok(pull !== undefined);
    const tags = ask(...times({ tag: 'pull-differs', id: pull.id })).map(({ tag }) => tag);
    assert.deepEqual(tags, ['digest']);
  });

  it('compare each key once a pull: a digest that does not go on from page to page has no answer', () => {
    ann.publish();
    net.settle();
    hello();
    const pull = (id: number): Frame => ({ tag: 'pull', id, summary: 'ff'.repeat(8), crls: [] });
    const page = (id: number, from: string, to: string, last: boolean): Frame => ({
      tag: 'digest',
      id,
      from,
      to,
      last,
      streams: last ? [] : [{ key: to as StreamKey, ranges: [0, 1] }],
    });
    const answered = (...frames: readonly Frame[]): boolean =>
      ask(...frames).some(({ tag }) => tag === 'pull-done' || tag === 'message');
    assert.equal(answered(pull(1), page(1, '', '', true)), true, 'one page');
    assert.equal(answered(pull(2), page(2, '', 'b', false), page(2, 'b', '', true)), true, 'two');
    for (const [why, id, pages] of [
      ['the same again', 3, [page(3, '', 'b', false), page(3, '', 'b', false), page(3, 'b', '', true)]],
      ['back', 4, [page(4, '', 'c', false), page(4, 'b', 'd', false), page(4, 'd', '', true)]],
      ['on the spot', 5, [page(5, '', 'b', false), page(5, 'b', 'b', false), page(5, 'b', '', true)]],
      ['to the end and on', 6, [page(6, '', '', false), page(6, '', '', true)]],
      ['a gap', 7, [page(7, '', 'b', false), page(7, 'c', '', true)]],
    ] as const)
      assert.equal(answered(pull(id), ...pages), false, why);
  });
});
