import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { toHex, utf8 } from '../../../src/base/bytes.ts';
import { HOUR_MS, MINUTE_MS, type UnixMs } from '../../../src/base/time.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import { RANGES_MAX } from '../../../src/engine/held/counter-ranges.ts';
import { HELD_MESSAGES_MAX, HELD_PER_ORIGIN_MAX, HeldMessages } from '../../../src/engine/held/held-messages.ts';
import { STREAMS_PER_ORIGIN_MAX } from '../../../src/engine/held/held-streams.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { parseMessageType } from '../../../src/message/family.ts';
import { LIFETIME_MAX_MS } from '../../../src/message/limits.ts';
import type { Message } from '../../../src/message/message.ts';
import { messageIdOf, streamKeyOf } from '../../../src/message/message-id.ts';

const NOW = 1_800_000_000_000 as UnixMs;
const wall = (ms: number): UnixMs => (NOW + ms) as UnixMs;

/** As much of a message as is kept of one. */
function said(
  name: string,
  counter: number,
  more: { incarnation?: number; issuedMs?: number; lifeMs?: number } = {},
): Message {
  const origin = parseNodeId(name);
  const { incarnation = 1, issuedMs = 0, lifeMs = HOUR_MS } = more;
  const id = messageIdOf(origin, incarnation, counter);
  return {
    id,
    origin,
    incarnation,
    counter,
    stream: streamKeyOf(origin, incarnation),
    contentKey: toHex(sha256(utf8(id))),
    issuedAt: wall(issuedMs),
    expiresAt: wall(issuedMs + lifeMs),
    type: parseMessageType('sensor/t'),
    bytes: utf8(id),
    voucherId: 'leaf',
  } as unknown as Message;
}

const put = (held: HeldMessages, message: Message, receivedMs = 0) => held.put(message, wall(receivedMs));

describe('held messages', () => {
  it('are found by content, by counter, by origin, and in order of arrival', () => {
    const held = new HeldMessages();
    const messages = [said('ann', 1), said('bob', 0), said('ann', 0)];
    for (const message of messages) put(held, message);
    assert.deepEqual(
      Array.from(held.values(), ({ id }) => id),
      ['ann.1.1', 'bob.1.0', 'ann.1.0'],
    );
    assert.deepEqual(
      Array.from(held.values(), ({ arrival }) => arrival),
      [0, 1, 2],
    );
    assert.deepEqual(
      Array.from(held.ofOrigin(parseNodeId('ann')), ({ id }) => id),
      ['ann.1.1', 'ann.1.0'],
    );
    const [first] = messages as [Message];
    assert.equal(held.get(first.contentKey)?.id, first.id);
    assert.deepEqual(held.counterState(first.stream, 1), { tag: 'live', contentKey: first.contentKey });
    assert.deepEqual(held.counterState(first.stream, 2), { tag: 'free' });
    assert.deepEqual(held.streams.get(first.stream)?.ranges.flat, [0, 2]);
  });

  it('keep their places over a restart, and new ones come behind them', () => {
    const held = new HeldMessages();
    held.put(said('ann', 0), NOW, 41);
    assert.equal(put(held, said('ann', 1)).held.arrival, 42);
  });

  it('of equal content have an equal summary, in whatever order they came and whatever went', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(30), { minLength: 1 }), fc.nat(30), (counters, extra) => {
        const [a, b] = [new HeldMessages(), new HeldMessages()];
        for (const counter of counters) put(a, said('ann', counter));
        put(b, said('bob', extra));
        for (const counter of counters.toReversed()) put(b, said('ann', counter));
        assert.notEqual(a.summary, b.summary);
        b.drop(said('bob', extra).contentKey);
        assert.equal(a.summary, b.summary);
        assert.match(a.summary, /^[0-9a-f]{16}$/);
      }),
    );
  });

  it('leave their counter settled when they are dropped, so that nobody fetches them again', () => {
    const held = new HeldMessages();
    const message = said('ann', 0);
    put(held, message);
    assert.equal(held.drop(message.contentKey)?.id, message.id);
    assert.equal(held.drop(message.contentKey), undefined);
    assert.deepEqual(held.counterState(message.stream, 0), { tag: 'settled' });
    assert.equal(held.size, 0);
  });

  it('end when their time is over, and their stream is forgotten when nothing of it can come back', () => {
    const held = new HeldMessages();
    const [early, late] = [said('ann', 0, { lifeMs: MINUTE_MS }), said('ann', 1)];
    put(held, early);
    put(held, late);
    assert.equal(held.nextExpiryAt, wall(MINUTE_MS));
    assert.deepEqual(held.expire(wall(MINUTE_MS - 1)), []);
    assert.deepEqual(
      held.expire(wall(MINUTE_MS)).map(({ contentKey }) => contentKey),
      [early.contentKey],
    );
    assert.deepEqual(held.counterState(early.stream, 0), { tag: 'settled' });
    assert.deepEqual(
      held.expire(wall(HOUR_MS)).map(({ contentKey }) => contentKey),
      [late.contentKey],
    );
    assert.equal(held.streams.size, 0);
    assert.equal(held.nextExpiryAt, undefined);
  });

  it('keep a gap open while what belongs there may still live, and close it when nothing can', () => {
    const held = new HeldMessages();
    const later = said('ann', 5, { lifeMs: LIFETIME_MAX_MS });
    put(held, said('ann', 0, { lifeMs: HOUR_MS }));
    put(held, later);
    put(held, said('ann', 9, { issuedMs: HOUR_MS, lifeMs: LIFETIME_MAX_MS }));
    held.expire(wall(HOUR_MS));
    assert.deepEqual(held.streams.get(later.stream)?.ranges.flat, [0, 1, 5, 6, 9, 10]);
    held.expire(wall(LIFETIME_MAX_MS));
    assert.deepEqual(held.streams.get(later.stream)?.ranges.flat, [0, 6, 9, 10], 'what came before 5 has ended');
    assert.deepEqual(held.counterState(later.stream, 7), { tag: 'free' }, 'what came after it may live');
  });

  it('believe an author who says where its live messages begin', () => {
    const held = new HeldMessages();
    const message = said('ann', 7);
    put(held, message);
    held.settleBelow(message.stream, 7);
    held.settleBelow(streamKeyOf(parseNodeId('bob'), 1), 7);
    assert.deepEqual(held.streams.get(message.stream)?.ranges.flat, [0, 8]);
    assert.equal(held.streams.size, 1);
  });

  it('have no room for more than 20,000 of one author, and room for others (T3, T17)', () => {
    const held = new HeldMessages();
    for (let counter = 0; counter < HELD_PER_ORIGIN_MAX; counter++) put(held, said('ann', counter));
    assert.equal(held.whyNoRoomFor(said('ann', HELD_PER_ORIGIN_MAX)) === undefined, false);
    assert.equal(
      held.whyNoRoomFor(said('ann', 0, { incarnation: 2 })) === undefined,
      false,
      'a new stream is no way around it',
    );
    assert.equal(held.whyNoRoomFor(said('bob', 0)) === undefined, true);
    held.drop(said('ann', 3).contentKey);
    assert.equal(held.whyNoRoomFor(said('ann', HELD_PER_ORIGIN_MAX)) === undefined, true);
  });

  it('have no room for one more stream of an author who opened 1,024, until one has ended (T3, T17)', () => {
    const held = new HeldMessages();
    const [ann, bob] = [parseNodeId('ann'), parseNodeId('bob')];
    put(held, said('ann', 0, { incarnation: 1, lifeMs: MINUTE_MS }));
    for (let incarnation = 2; incarnation < STREAMS_PER_ORIGIN_MAX; incarnation++)
      put(held, said('ann', 0, { incarnation }));
    assert.equal(held.isFullOf(ann), false);
    const last = said('ann', 0, { incarnation: STREAMS_PER_ORIGIN_MAX });
    assert.equal(held.whyNoRoomFor(last), undefined);
    put(held, last);
    const next = said('ann', 0, { incarnation: STREAMS_PER_ORIGIN_MAX + 1 });
    assert.match(held.whyNoRoomFor(next) ?? '', /1024 streams of this author/);
    assert.equal(held.isFullOf(ann), true, 'what does not fit is not to be pulled again and again');
    assert.equal(held.whyNoRoomFor(said('ann', 1, { incarnation: 7 })), undefined, 'those that are held go on');
    assert.equal(held.whyNoRoomFor(said('bob', 0)), undefined);
    assert.equal(held.isFullOf(bob), false);
    held.drop(said('ann', 0, { incarnation: 9 }).contentKey);
    assert.notEqual(held.whyNoRoomFor(next), undefined, 'a dropped message leaves its counter, and so its stream');
    held.expire(wall(MINUTE_MS));
    assert.equal(held.whyNoRoomFor(next), undefined);
    assert.equal(held.isFullOf(ann), false);
    held.expire(wall(HOUR_MS));
    assert.equal(held.streams.size, 0);
  });

  it('have no room for a 65th gap in a stream', () => {
    const held = new HeldMessages();
    for (let i = 0; i < RANGES_MAX; i++) put(held, said('ann', 2 * i));
    assert.equal(held.whyNoRoomFor(said('ann', 1_000)) === undefined, false);
    assert.equal(held.whyNoRoomFor(said('ann', 1)) === undefined, true);
  });

  it('say what is missing where there is no room', () => {
    const held = new HeldMessages();
    for (let i = 0; i < RANGES_MAX; i++) put(held, said('ann', 2 * i + 7));
    assert.match(held.whyNoRoomFor(said('ann', 1_000)) ?? '', /63 gaps; send what is missing first, from counter 8 on/);
    for (let i = 0; i < RANGES_MAX - 1; i++) {
      assert.equal(held.whyNoRoomFor(said('ann', 2 * i + 8)), undefined);
      put(held, said('ann', 2 * i + 8));
    }
    assert.equal(held.whyNoRoomFor(said('ann', 1_000)), undefined);
  });

  it('beyond 100,000 let go the oldest of the author who has most, and hold their bound', () => {
    const held = new HeldMessages();
    put(held, said('quiet', 0));
    let evicted = 0;
    for (let counter = 0; counter < HELD_PER_ORIGIN_MAX; counter++)
      for (const name of ['ann', 'bob', 'cid', 'dan', 'eve']) {
        const gone = put(held, said(name, counter)).evicted;
        if (gone !== undefined) evicted++;
      }
    assert.equal(held.size, HELD_MESSAGES_MAX);
    assert.equal(evicted, 1);
    const last = put(held, said('fay', 0));
    assert.notEqual(last.evicted, undefined);
    assert.equal(held.get(last.held.contentKey)?.id, 'fay.1.0');
    assert.equal(held.countOf(parseNodeId('quiet')), 1, 'who said little loses nothing');
    assert.equal(held.size, HELD_MESSAGES_MAX);
  });
});
