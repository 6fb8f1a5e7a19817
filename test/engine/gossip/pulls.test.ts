import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { MINUTE_MS, SECOND_MS } from '../../../src/base/time.ts';
import { PULL_RATE } from '../../../src/engine/links/conduct.ts';
import { DIGEST_STREAMS_MAX } from '../../../src/engine/links/frame.ts';
import { PULL_BEGIN_MS_MAX, PULL_MS_MAX } from '../../../src/engine/gossip/gossip.ts';
import { HeldMessages } from '../../../src/engine/held/held-messages.ts';
import { WINDOW_BYTES } from '../../../src/engine/links/credit.ts';
import { OUTGOING_BYTES_MAX } from '../../../src/engine/links/outgoing-queue.ts';
import {
  ANSWER_OF_AUTHOR_MAX,
  PULL_ANSWER_BYTES_MAX,
  PullAnswers,
  PUSHED_MS,
} from '../../../src/engine/gossip/pull-answers.ts';
import type { Message } from '../../../src/message/message.ts';
import { LinkPair } from '../../support/mesh/link-pair.ts';
import { at, MeshFixture, type Said } from '../../support/mesh/mesh-fixture.ts';
import { GossipBench, GossipPeer } from './gossip-bench.ts';

describe('gossip: pulls', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann', 'bob', 'eve', 'fay');
  });
  const bench = (): GossipBench => new GossipBench(fixture);
  const say = (name: string, count: number, said: Said = {}, from = 0): Message[] =>
    Array.from({ length: count }, (_, i) => fixture.message(name, { type: 'sensor/t', ...said, counter: from + i }));

  it('finds by summary that two hold the same, and says no more', () => {
    const world = bench();
    const [message] = say('eve', 1) as [Message];
    world.ann.accept(message);
    world.bob.accept(message);
    world.meet();
    assert.deepEqual(world.pair.take().toSorted(), ['a> pull', 'a> pull-same', 'b> pull', 'b> pull-same'].toSorted());
  });

  it('two nodes that hold different messages hold the same as soon as they meet', () => {
    const world = bench();
    for (const message of say('eve', 20)) world.ann.accept(message);
    for (const message of say('fay', 30)) world.bob.accept(message);
    for (const message of say('eve', 5, {}, 100)) world.bob.accept(message);
    world.meet();
    assert.equal(world.agree, true);
    assert.equal(world.ann.held.size, 55);
    assert.equal(world.ann.echoes + world.bob.echoes, 0, 'nothing was sent that the other had');
  });

  it('fills the holes that a loss has left, and nothing else', () => {
    const world = bench();
    const all = say('eve', 100);
    for (const message of all) world.ann.accept(message);
    for (const [i, message] of all.entries()) if (i % 7 !== 3) world.bob.accept(message);
    world.meet();
    assert.equal(world.agree, true);
    assert.equal(world.bob.echoes, 0);
  });

  it('needs more than one answer for more than an answer holds, and asks on without waiting for a round', () => {
    const world = bench();
    const payload = new Uint8Array(8_000);
    const count = Math.ceil((3 * PULL_ANSWER_BYTES_MAX) / 8_000);
    for (const message of say('eve', count, { payload })) world.ann.accept(message);
    world.meet();
    assert.ok(world.bob.held.size < count);
    world.run(SECOND_MS);
    assert.equal(world.agree, true);
  });

  it('looks at so many messages of one author for one answer, however small they are', () => {
    const held = new HeldMessages();
    for (const message of say('eve', ANSWER_OF_AUTHOR_MAX + 1)) held.put(message, at(0).wall);
    const answers = new PullAnswers(held, () => new Uint8Array(1));
    const ignore = (): void => undefined;
    const pair = new LinkPair(at(0), fixture, 'ann', 'bob', ignore, ignore);
    let sent = 0;
    pair.a.sendMessage = () => void sent++;
    answers.begin(pair.a.end.id, 1);
    const digest = { tag: 'digest', id: 1, from: '', to: '', last: true, streams: [] } as const;
    const answer = answers.answer(at(0), pair.a, digest, () => true);
    assert.deepEqual([sent, answer?.more], [ANSWER_OF_AUTHOR_MAX, true]);
  });

  it('sends a digest of many streams in pages', () => {
    const world = bench();
    for (let incarnation = 1; incarnation <= DIGEST_STREAMS_MAX + 50; incarnation++) {
      const message = fixture.message('eve', { incarnation });
      world.ann.accept(message);
      if (incarnation % 50 !== 0) world.bob.accept(message);
    }
    world.meet();
    assert.ok(world.pair.take().filter((frame) => frame === 'b> digest').length >= 2);
    assert.equal(world.agree, true);
    assert.equal(world.bob.echoes, 0);
  });

  it('pulls more and more rarely while nothing happens, and often again when something does', () => {
    const world = bench();
    world.meet();
    world.run(5 * MINUTE_MS);
    world.pair.take();
    world.run(10 * MINUTE_MS);
    const idle = world.pair.take().filter((frame) => frame === 'a> pull').length;
    assert.ok(idle >= 5 && idle <= 15, `${idle} pulls in five idle minutes`);
    world.ann.accept(fixture.message('eve'));
    world.run(10 * MINUTE_MS + 4 * SECOND_MS);
    assert.ok(world.pair.take().filter((frame) => frame === 'a> pull').length >= 2);
  });

  it('a push that is lost comes by the next pull', () => {
    const world = bench();
    world.meet();
    world.ann.accept(fixture.message('eve'));
    world.pair.pump(at(0), (frame) => frame.tag === 'message');
    assert.equal(world.agree, false);
    world.run(3 * SECOND_MS);
    assert.equal(world.agree, true);
  });

  it('leaves out of an answer what is still being pushed, and not what came before the link stood', () => {
    const held = new HeldMessages();
    const ignore = (): void => undefined;
    const pair = new LinkPair(at(1_000), fixture, 'ann', 'bob', ignore, ignore);
    const answers = new PullAnswers(held, (arrival) => Uint8Array.of(arrival));
    for (const [i, cameAt] of [900, 1_000, 1_001, 1_300, 9_000].entries())
      held.put(fixture.message('eve', { type: 'sensor/t', counter: i }), at(cameAt).wall);
    const sentAt = (nowMs: number): number[] => {
      const sent: number[] = [];
      pair.a.sendMessage = ([arrival]) => void sent.push(arrival as number);
      answers.begin(pair.a.end.id, nowMs);
      answers.answer(
        at(nowMs),
        pair.a,
        { tag: 'digest', id: nowMs, from: '', to: '', last: true, streams: [] },
        () => true,
      );
      return sent;
    };
    // The last came by a clock that was put back since: that is no reason to keep it for ever.
    assert.deepEqual(sentAt(1_000), [0, 1, 2, 3, 4], 'none of them came while the link stood');
    assert.deepEqual(sentAt(1_100), [0, 1, 3, 4]);
    assert.deepEqual(sentAt(1_300), [0, 1, 2, 4]);
    assert.deepEqual(sentAt(1_300 + PUSHED_MS), [0, 1, 2, 3, 4]);
  });

  it('a peer that sees itself behind asks in turn, at once', () => {
    const world = bench();
    world.meet();
    world.run(2 * MINUTE_MS);
    for (const message of say('eve', 5)) world.bob.accept(message);
    world.pair.pump(at(0), (frame) => frame.tag === 'message');
    world.pair.take();
    world.bob.gossip.handleTimeout(at(10 * MINUTE_MS)); // only bob's round is due
    world.pair.pump(at(2 * MINUTE_MS));
    world.bob.nowMs = world.ann.nowMs = 2 * MINUTE_MS + 100 + PUSHED_MS;
    world.ann.gossip.handleTimeout(at(world.ann.nowMs));
    world.pair.pump(at(world.ann.nowMs));
    assert.equal(world.agree, true);
  });

  it('two that refuse each other\u2019s messages do not talk faster for it', () => {
    const world = bench();
    world.ann.refuses = (message) => message.origin === fixture.member('fay').nodeId;
    world.bob.refuses = (message) => message.origin === fixture.member('eve').nodeId;
    for (const message of say('eve', 3)) world.ann.accept(message);
    for (const message of say('fay', 3)) world.bob.accept(message);
    world.meet();
    world.run(10 * SECOND_MS);
    world.pair.take();
    world.run(70 * SECOND_MS);
    const pulls = world.pair.take().filter((frame) => frame.endsWith('> pull')).length;
    assert.ok(pulls <= 2 * 60 * 1.3, `${pulls} pulls of both in a minute`);
  });

  it('authors take turns in an answer: one who floods does not hold up the others (T3)', () => {
    const world = bench();
    world.bob.refuses = (message) => message.origin === fixture.member('eve').nodeId;
    for (const message of say('eve', 1_000)) world.ann.accept(message);
    for (const message of say('fay', 5)) world.ann.accept(message);
    world.meet();
    assert.equal(world.bob.held.countOf(fixture.member('fay').nodeId), 5, 'with the first answer');
  });

  it('does not ask on at once where what came was not taken for want of budget', () => {
    const world = bench();
    world.bob.refuses = (message) => message.origin === fixture.member('eve').nodeId;
    for (const message of say('eve', 1_000)) world.ann.accept(message);
    world.meet();
    world.pair.take();
    world.run(30 * SECOND_MS);
    const messages = world.pair.take().filter((frame) => frame === 'a> message').length;
    const inOneAnswer = PULL_ANSWER_BYTES_MAX / (say('eve', 1)[0] as Message).bytes.length;
    assert.ok(messages <= 10 * inOneAnswer, `${messages} messages in half a minute of quiet`);
  });

  it('asks for nothing of an author whose budget is spent, and is not taken for one that has more', () => {
    const world = bench();
    const [eve, fay] = [fixture.member('eve').nodeId, fixture.member('fay').nodeId];
    for (const message of say('eve', 100)) world.ann.accept(message);
    for (const message of say('fay', 1)) world.ann.accept(message);
    for (const message of say('eve', 1)) world.bob.accept(message);
    world.bob.wants = (author) => author !== eve;
    world.meet();
    assert.deepEqual([world.bob.held.countOf(eve), world.bob.held.countOf(fay)], [1, 1]);
    world.pair.take();
    world.run(900);
    assert.deepEqual(world.pair.take(), [], 'ann sees no reason to ask');
    world.bob.wants = () => true;
    world.run(60 * SECOND_MS);
    assert.equal(world.agree, true);
  });

  it('reads nothing from the store for a peer that asks and asks, and takes nothing', () => {
    const world = bench();
    world.meet();
    for (const message of say('eve', 500, { payload: new Uint8Array(10_000) })) world.ann.accept(message);
    let reads = 0;
    const copy = new Map(world.ann.bytes);
    world.ann.bytes.get = (key) => {
      reads++;
      return copy.get(key);
    };
    const keys = Array.from(world.ann.held.values(), ({ contentKey }) => contentKey);
    for (let i = 0; i < 20; i++) world.ann.gossip.handleWant(world.pair.a, keys);
    assert.ok(reads * 10_000 <= OUTGOING_BYTES_MAX + WINDOW_BYTES + 10_000, `${reads} reads`);
  });

  for (const [unheard, secondsMax, why] of [
    ['pull', PULL_BEGIN_MS_MAX / SECOND_MS, 'begin'],
    ['digest', PULL_MS_MAX / SECOND_MS, 'finish'],
  ] as const)
    it(`waits no longer than ${secondsMax} seconds for a peer that does not ${why} its answer`, () => {
      const world = bench();
      world.meet();
      world.pair.pump(at(0));
      let pulls = 0;
      for (let nowMs = 0; nowMs < 30 * SECOND_MS; nowMs += 100) {
        world.ann.accept(fixture.message('eve', { counter: nowMs }));
        world.ann.nowMs = nowMs;
        world.ann.gossip.handleTimeout(at(nowMs));
        world.pair.pump(at(nowMs), ({ tag }) => {
          if (tag === 'pull') pulls++;
          return tag === unheard;
        });
      }
      // A round comes every second while there is news, a fifth early or late; bob pulls as well where he is behind.
      // Who does not even begin has twice as long each time: 2, 4, 8 and 10 seconds.
      const ours = unheard === 'pull' ? 4 : Math.floor(30 / (secondsMax + 1.2));
      assert.ok(pulls >= ours, `${pulls} pulls in half a minute, expected at least ${ours}`);
      if (unheard === 'pull') assert.ok(pulls <= ours + 1, `${pulls} pulls in half a minute`);
    });

  it('hears a peer whose answers take longer than it waited the first time', () => {
    const peer = new GossipPeer('ann');
    const ignore = (): void => undefined;
    let pulled: { readonly id: number; readonly atMs: number } | undefined;
    let digests = 0;
    const pair = new LinkPair(at(0), fixture, 'ann', 'bob', ignore, (_now, _link, frame) => {
      if (frame.tag === 'pull') pulled ??= { id: frame.id, atMs: peer.nowMs };
      if (frame.tag === 'digest') digests++;
    });
    peer.links.push(pair.a);
    peer.gossip.handleLinkUp(at(0), pair.a);
    for (let nowMs = 0; nowMs < MINUTE_MS; nowMs += 100) {
      peer.nowMs = nowMs;
      if (pulled !== undefined && nowMs >= pulled.atMs + 2 * PULL_BEGIN_MS_MAX - 100) {
        peer.gossip.handlePullDiffers(at(nowMs), pair.a, pulled.id);
        pulled = undefined;
      }
      peer.gossip.handleTimeout(at(nowMs));
      pair.pump(at(nowMs));
    }
    assert.ok(digests > 0, 'it never got as far as its digest');
  });

  it('takes no answer to what it did not ask, or asked before', () => {
    const world = bench();
    world.meet();
    world.pair.take();
    world.ann.gossip.handlePullDiffers(at(0), world.pair.a, 4_711);
    world.ann.gossip.handlePullDone(at(0), world.pair.a, 4_711, true);
    world.ann.gossip.handlePullSame(world.pair.a, 4_711);
    world.ann.gossip.handleDigest(at(0), world.pair.a, {
      tag: 'digest',
      id: 4_711,
      from: '',
      to: '',
      last: true,
      streams: [],
    });
    world.pair.pump(at(0));
    assert.deepEqual(world.pair.take(), []);
  });

  it('answers no peer that pulls faster than an honest one, nor one that takes no answers (T3)', () => {
    const world = bench();
    world.meet();
    for (const message of say('eve', 40, { payload: new Uint8Array(8_000) })) world.ann.accept(message);
    world.pair.a.takeOutput();
    const pull = (id: number) =>
      world.ann.gossip.handlePull(at(0), world.pair.a, { tag: 'pull', id, summary: '00'.repeat(8), crls: [] });
    for (let id = 0; id < 10 * PULL_RATE.burstTokens; id++) {
      pull(id);
      world.ann.gossip.handleDigest(at(0), world.pair.a, {
        tag: 'digest',
        id,
        from: '',
        to: '',
        last: true,
        streams: [],
      });
    }
    assert.ok(world.pair.a.queuedBytes <= 2 * PULL_ANSWER_BYTES_MAX + 16_384);
    assert.ok((world.pair.a.takeOutput()?.length ?? 0) <= 2 * 256 * 1024);
  });

  it('stops its rounds without links, and starts them with the next', () => {
    const world = bench();
    world.meet();
    world.ann.links.length = 0;
    world.ann.gossip.handleLinkDown(world.pair.a);
    world.ann.gossip.handleTimeout(at(MINUTE_MS));
    assert.equal(world.ann.gossip.deadline(), undefined);
    world.ann.links.push(world.pair.a);
    world.ann.gossip.handleLinkUp(at(MINUTE_MS), world.pair.a);
    assert.notEqual(world.ann.gossip.deadline(), undefined);
  });
});
