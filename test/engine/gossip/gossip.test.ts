import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { SECOND_MS } from '../../../src/base/time.ts';
import { KEYS_MAX } from '../../../src/engine/links/frame.ts';
import { EAGER_RATE, GOSSIP_DEFAULTS, PUSH_WHOLE_BYTES_MAX } from '../../../src/engine/gossip/gossip.ts';
import { WANTED_MAX } from '../../../src/engine/gossip/offers.ts';
import type { NodeId } from '../../../src/identity/node-id.ts';
import type { Message } from '../../../src/message/message.ts';
import { LinkPair } from '../../support/mesh/link-pair.ts';
import { at, MeshFixture, type Said } from '../../support/mesh/mesh-fixture.ts';
import { GossipBench, GossipPeer } from './gossip-bench.ts';

describe('gossip: pushes and offers', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann', 'bob', 'eve', 'fay');
  });
  const bench = (): GossipBench => new GossipBench(fixture);
  const say = (name: string, count: number, said: Said = {}, from = 0): Message[] =>
    Array.from({ length: count }, (_, i) => fixture.message(name, { type: 'sensor/t', ...said, counter: from + i }));

  it('pushes a small message whole, and not back to where it came from or to whose it is', () => {
    const world = bench();
    world.meet();
    world.pair.take();
    world.ann.accept(fixture.message('eve'));
    world.pair.pump(at(0));
    assert.deepEqual(world.pair.take(), ['a> message']);
    assert.equal(world.agree, true);
    world.ann.accept(fixture.message('bob'));
    world.pair.pump(at(0));
    assert.deepEqual(world.pair.take(), [], 'its author has it');
  });

  it('pushes nothing to who has sent it as well meanwhile', () => {
    const world = bench();
    world.meet();
    world.pair.take();
    const [bob, eve, fay] = [fixture.member('bob').nodeId, fixture.member('eve').nodeId, fixture.member('fay').nodeId];
    const large = { payload: new Uint8Array(PUSH_WHOLE_BYTES_MAX), type: 'sensor/t', counter: 1 };
    for (const message of [fixture.message('eve'), fixture.message('eve', large)]) {
      world.ann.accept(message, fay, [bob]);
      world.bob.accept(message, fay, [eve]);
    }
    world.pair.pump(at(0));
    assert.deepEqual(
      world.pair.take(),
      ['b> message', 'b> have'],
      'ann knows that bob has it, and bob does not know it of ann',
    );
  });

  it('pushes to every peer while there is little news, and beyond EAGER_RATE to a few', () => {
    const ignore = (): void => undefined;
    const peer = new GossipPeer('ann');
    const pairs = Array.from({ length: 8 }, () => new LinkPair(at(0), fixture, 'ann', 'bob', ignore, ignore));
    peer.links.push(...pairs.map(({ a }) => a));
    const copiesOf = (message: Message, from?: NodeId): number => {
      peer.accept(message, from);
      for (const pair of pairs) pair.pump(at(peer.nowMs));
      return pairs.flatMap((pair) => pair.take()).length;
    };
    const messages = say('eve', EAGER_RATE.burstTokens + 4);
    const eager = messages.splice(0, EAGER_RATE.burstTokens);
    for (const message of eager) assert.equal(copiesOf(message), pairs.length);
    assert.equal(peer.vouched.length, 0, 'its own certificate they have seen');
    const [first, second, third, fourth] = messages as [Message, Message, Message, Message];
    assert.equal(copiesOf(first), GOSSIP_DEFAULTS.fanout);
    peer.nowMs = SECOND_MS / EAGER_RATE.tokensPerSecond;
    assert.equal(copiesOf(second, fixture.member('fay').nodeId), pairs.length);
    const { voucherId } = second;
    assert.deepEqual(
      peer.vouched,
      pairs.map(({ a }) => [a, voucherId]),
    );
    assert.equal(copiesOf(third, fixture.member('fay').nodeId), GOSSIP_DEFAULTS.fanout);
    assert.equal(peer.vouched.length, pairs.length, 'who has it from a few asks');
    peer.nowMs += SECOND_MS / EAGER_RATE.tokensPerSecond;
    assert.equal(copiesOf(fourth, fixture.member('bob').nodeId), 0, 'never back');
  });

  it('offers a large message by its key, and sends it to who lacks it', () => {
    const world = bench();
    world.meet();
    world.pair.take();
    const payload = new Uint8Array(PUSH_WHOLE_BYTES_MAX);
    const [large, other] = say('eve', 2, { payload }) as [Message, Message];
    world.ann.accept(large);
    world.pair.pump(at(0));
    assert.deepEqual(world.pair.take(), ['a> have', 'b> want', 'a> message']);
    world.bob.bytes.set(world.bob.held.put(other, at(0).wall).held.arrival, other.bytes);
    world.ann.accept(other);
    world.pair.pump(at(0));
    assert.deepEqual(world.pair.take(), ['a> have']);
  });

  it('asks one peer for what several offer, and another after two seconds', () => {
    const peer = new GossipPeer('ann');
    const pair = new LinkPair(
      at(0),
      fixture,
      'ann',
      'bob',
      () => undefined,
      () => undefined,
    );
    const key = 'ab'.repeat(32);
    peer.gossip.handleHave(at(0), pair.a, [key]);
    peer.gossip.handleHave(at(1_999), pair.a, [key]);
    pair.pump(at(0));
    assert.deepEqual(pair.take(), ['a> want']);
    peer.gossip.handleHave(at(2_000), pair.a, [key]);
    pair.pump(at(0));
    assert.deepEqual(pair.take(), ['a> want']);
  });

  it('remembers so many keys that it asked for, and asks again for the one forgotten (T17)', () => {
    const peer = new GossipPeer('ann');
    const asked: string[] = [];
    const ignore = (): void => undefined;
    const pair = new LinkPair(at(0), fixture, 'ann', 'bob', ignore, (_now, _link, frame) => {
      if (frame.tag === 'want') asked.push(...frame.keys);
    });
    const keys = Array.from({ length: WANTED_MAX + 1 }, (_, i) => i.toString(16).padStart(64, '0'));
    const offer = (offered: readonly string[]): void => {
      for (let i = 0; i < offered.length; i += KEYS_MAX)
        peer.gossip.handleHave(at(0), pair.a, offered.slice(i, i + KEYS_MAX));
      pair.pump(at(0));
    };
    offer(keys);
    assert.deepEqual(asked.splice(0), keys);
    offer([keys[1] as string, keys.at(-1) as string]);
    assert.deepEqual(asked, [], 'these are still awaited');
    offer([keys[0] as string]);
    assert.deepEqual(asked, [keys[0]]);
  });
});
