import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { MINUTE_MS } from '../../../src/base/time.ts';
import { HeldMessages } from '../../../src/engine/held/held-messages.ts';
import { RECORD_STREAMS_MAX } from '../../../src/message/payloads/node-record.ts';
import { OwnStreams } from '../../../src/node/publishing/own-streams.ts';
import { at, MeshFixture, NOW_MS } from '../../support/mesh/mesh-fixture.ts';

describe('the streams that a node opened', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann');
  });

  /** Holds counters of a stream, each with its life in minutes. */
  const hold = (messages: HeldMessages, incarnation: number, lives: Readonly<Record<number, number>>) => {
    for (const [counter, minutes] of Object.entries(lives)) {
      const place = { incarnation, counter: Number(counter), expiresAt: NOW_MS + minutes * MINUTE_MS };
      const message = fixture.message('ann', place);
      messages.put(message, at(0).wall);
    }
  };
  const world = () => ({ messages: new HeldMessages(), own: new OwnStreams(fixture.member('ann').nodeId) });

  it('are told from the first that lives, and a stream of others is not', () => {
    const { messages, own } = world();
    own.open(7);
    hold(messages, 7, { 0: 1, 1: 9, 2: 9 });
    hold(messages, 8, { 5: 9 });
    messages.expire(at(2 * MINUTE_MS).wall);
    assert.deepEqual(own.extents(messages.streams), [{ incarnation: 7, firstLive: 1, next: 3 }]);
  });

  it('are not told beyond what is under way: it may live when it has its signature', () => {
    const { messages, own } = world();
    own.open(7);
    hold(messages, 7, { 0: 1, 3: 9 });
    messages.expire(at(2 * MINUTE_MS).wall);
    assert.equal(own.extents(messages.streams)[0]?.firstLive, 1);
    hold(messages, 7, { 1: 9, 2: 9 });
    messages.expire(at(10 * MINUTE_MS).wall);
    assert.deepEqual(own.extents(messages.streams), [], 'nothing lives');
  });

  it('are not told beyond what the store had kept: the rest may have gone out before the power failed', () => {
    const { messages, own } = world();
    hold(messages, 7, { 4: 1, 5: 9 });
    own.reopen(7, messages.streams);
    hold(messages, 7, { 8: 20 }); // by way of a peer
    assert.equal(own.extents(messages.streams)[0]?.firstLive, 4);
    messages.expire(at(2 * MINUTE_MS).wall);
    assert.equal(own.extents(messages.streams)[0]?.firstLive, 5);
    messages.expire(at(10 * MINUTE_MS).wall);
    assert.deepEqual(own.extents(messages.streams), [{ incarnation: 7, firstLive: 6, next: 9 }]);
  });

  it('are not told where the store had nothing of them', () => {
    const { messages, own } = world();
    own.reopen(7, messages.streams);
    hold(messages, 7, { 8: 9 });
    assert.deepEqual(own.extents(messages.streams), []);
  });

  it(`are the last ${RECORD_STREAMS_MAX}`, () => {
    const { messages, own } = world();
    for (let incarnation = 1; incarnation <= RECORD_STREAMS_MAX + 2; incarnation++) {
      own.open(incarnation);
      hold(messages, incarnation, { 0: 9 });
    }
    const told = own.extents(messages.streams).map(({ incarnation }) => incarnation);
    assert.deepEqual(
      told,
      Array.from({ length: RECORD_STREAMS_MAX }, (_, i) => i + 3),
    );
  });
});
