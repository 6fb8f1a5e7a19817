import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concatBytes, toHex } from '../../src/base/bytes.ts';
import { MEMBERSHIP } from '../../src/message/river/payload.ts';
import { parseEvent } from '../../src/message/river/parse-event.ts';
import { parseStreamId } from '../../src/message/river/stream-id.ts';
import { Lanes, LANES_WAITING_MAX } from '../../src/streams/lanes.ts';
import { systemRandom } from '../../src/host/machine/system-random.ts';
import type { StreamStore } from '../../src/ports/stream-store.ts';
import { Sessions, STREAM_SESSIONS_MAX } from '../../src/streams/authentication.ts';
import { StreamService } from '../../src/streams/stream-service.ts';
import { STATES_MAX } from '../../src/streams/stream-states.ts';
import { EVENT_STREAM_MEMBERS_MAX, judgeNext, Members } from '../../src/streams/stream-rules.ts';
import { HandClock } from '../support/mesh/authority-world.ts';
import { ALICE, DEVICE } from '../support/river.ts';
import { channelId, membership } from '../support/river-streams.ts';

describe('limits of streams', () => {
  it('so many wait for their turn, and whoever comes then is refused; afterwards there is room again', async () => {
    const lanes = new Lanes();
    let release: () => void = () => {};
    const first = lanes.run('a', () => new Promise<void>((resolve) => (release = resolve)));
    const order: number[] = [];
    const waiting = Array.from({ length: LANES_WAITING_MAX - 1 }, (_, i) => lanes.run('a', async () => order.push(i)));
    await assert.rejects(
      lanes.run('b', async () => {}),
      { code: 'ERR_OVERLOADED' },
    );
    release();
    await Promise.all([first, ...waiting]);
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
    assert.equal(await lanes.run('b', async () => 'room'), 'room');
  });

  it('so many sessions; with more the one not used for longest ends', () => {
    const sessions = new Sessions();
    const now = new HandClock().monotonic();
    const begin = (n: number): void => sessions.begin(`token ${n}`, ALICE.address, undefined, now);
    for (let n = 0; n < STREAM_SESSIONS_MAX; n++) begin(n);
    assert.deepEqual(sessions.get('token 0', now).user, ALICE.address);
    begin(STREAM_SESSIONS_MAX);
    assert.throws(() => sessions.get('token 1', now), { code: 'ERR_SESSION' });
    for (const n of [0, 2, STREAM_SESSIONS_MAX]) assert.deepEqual(sessions.get(`token ${n}`, now).user, ALICE.address);
  });

  it('so many streams in memory; one that is not is read from the store again', async () => {
    const reads: string[] = [];
    const store: Partial<StreamStore> = {
      totals: async () => ({ streams: 0, bytes: 0 }),
      pooled: async () => [],
      find: async (id) => {
        reads.push(toHex(id));
        return { creator: ALICE.address, events: 0, bytes: 0 } as Awaited<ReturnType<StreamStore['find']>>;
      },
      firstEvent: async () => undefined,
      eventsOf: async () => [],
      lastBlocks: async () => [{ number: 0 }] as unknown as Awaited<ReturnType<StreamStore['lastBlocks']>>,
    };
    const service = await StreamService.open({
      store: store as StreamStore,
      clock: new HandClock(),
      random: systemRandom,
      wallet: DEVICE,
      forever: 'refused',
      epochs: { judge: () => {} },
      onDeadline: () => {},
    });
    const ask = (n: number): Promise<unknown> => service.lastBlock(channelId(`c${n}`));
    for (let n = 0; n <= STATES_MAX; n++) await ask(n);
    assert.equal(reads.length, STATES_MAX + 1);
    await ask(STATES_MAX);
    assert.equal(reads.length, STATES_MAX + 1, 'it is in memory');
    await ask(0);
    assert.equal(reads.length, STATES_MAX + 2);
  });

  it('a failed piece of work fails alone', async () => {
    const lanes = new Lanes();
    const failed = lanes.run('a', async () => assert.fail('boom'));
    const next = lanes.run('a', async () => 'fine');
    await assert.rejects(failed, /boom/);
    assert.equal(await next, 'fine');
  });

  it('a stream has so many members', () => {
    const members = new Members([ALICE.address]);
    const blocks = [{ number: 0, hash: new Uint8Array(32), timestamp: new HandClock().wall() }];
    const state = { id: parseStreamId(channelId('full')), creator: ALICE.address, members, blocks };
    const event = parseEvent(membership(new Uint8Array(32), 2, DEVICE));
    const judge = () => judgeNext(state, event, new HandClock().wall());
    for (let i = members.size; i < EVENT_STREAM_MEMBERS_MAX - 1; i++) {
      const userAddress = concatBytes(new Uint8Array(16), Uint8Array.of(i >> 24, i >> 16, i >> 8, i));
      members.apply({ op: MEMBERSHIP.join, userAddress, initiatorAddress: ALICE.address });
    }
    judge();
    members.apply({ op: MEMBERSHIP.invite, userAddress: new Uint8Array(20).fill(9), initiatorAddress: ALICE.address });
    assert.throws(judge, { code: 'ERR_STREAM_FULL' });
    members.apply({ op: MEMBERSHIP.leave, userAddress: new Uint8Array(20).fill(9), initiatorAddress: ALICE.address });
    judge();
  });
});
