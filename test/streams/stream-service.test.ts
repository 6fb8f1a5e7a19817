import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Bytes, toHex } from '../../src/base/bytes.ts';
import type { ErrorCode } from '../../src/base/error-codes.ts';
import { SqliteStreamStore } from '../../src/host/sqlite/stream-store.ts';
import { systemRandom } from '../../src/host/machine/system-random.ts';
import { type Envelope, PAYLOAD } from '../../src/message/river/envelope.ts';
import { MINIBLOCK_HEADER } from '../../src/message/river/miniblock.ts';
import { parseEvent } from '../../src/message/river/parse-event.ts';
import type { StreamStore } from '../../src/ports/stream-store.ts';
import { PREV_BLOCK_MS_MAX } from '../../src/streams/stream-rules.ts';
import {
  EVENT_STREAMS_MAX,
  STORE_BYTES_MAX,
  STREAM_BYTES_MAX,
  STREAM_EVENTS_MAX,
} from '../../src/streams/store-room.ts';
import { BLOCK_EVENTS_MAX, BLOCK_MS, StreamService } from '../../src/streams/stream-service.ts';
import { RECENT_BLOCKS_MAX } from '../../src/streams/stream-states.ts';
import { WALLET_DELEGATE_MS_MAX } from '../../src/identity/delegate/statement.ts';
import { encodeWalletEpoch, signWalletEpoch } from '../../src/message/river/wallet-epoch.ts';
import type { UnixMs } from '../../src/base/time.ts';
import { WalletEpochs } from '../../src/streams/wallet-epochs.ts';
import { HandClock } from '../support/mesh/authority-world.ts';
import { ALICE, channelMessage, DEVICE, delegatedBytes, eventBytes, MALLORY, seal } from '../support/river.ts';
import { channelId, genesis, membership, message } from '../support/river-streams.ts';
import { tempDir } from '../support/temp-dir.ts';

class World {
  readonly clock = new HandClock();
  readonly path: string;
  #store: SqliteStreamStore | undefined;

  /** Of the service that was opened last. */
  epochs: WalletEpochs | undefined;

  constructor(t: TestContext) {
    this.path = join(tempDir(t), 'streams.db');
    t.after(() => this.#store?.close());
  }

  /** Opens the service, again where it ran before. @param change what the store shall seem to be. */
  async open(
    change: (store: StreamStore) => StreamStore = (store) => store,
    forever: 'refused' | 'allowed' = 'refused',
  ): Promise<StreamService> {
    await this.#store?.close();
    this.#store = SqliteStreamStore.open(this.path, 'create');
    const deps = {
      clock: this.clock,
      random: systemRandom,
      wallet: MALLORY,
      forever,
      onDeadline: () => {},
    } as const;
    const store = change(this.#store);
    this.epochs = await WalletEpochs.open(store);
    return StreamService.open({ ...deps, store, epochs: this.epochs });
  }

  async makeBlocks(service: StreamService): Promise<void> {
    this.clock.pass(BLOCK_MS);
    await service.handleTimeout(this.clock.now());
  }
}

const ID = channelId('service');

async function started(t: TestContext) {
  const world = new World(t);
  const service = await world.open();
  await service.createStream(ID, [genesis(ID)], undefined);
  return { world, service, prev: (await service.lastBlock(ID)).hash };
}

/** A store that seems to hold more than it does. */
function seeming(members: Partial<StreamStore>): (store: StreamStore) => StreamStore {
  return (store) =>
    new Proxy(store, {
      get: (target, name) => {
        const own = members[name as keyof StreamStore] ?? target[name as keyof StreamStore];
        return own.bind(target);
      },
    });
}

async function eventsOf(service: StreamService): Promise<readonly string[]> {
  const stream = await service.getStream(ID, undefined, false, undefined);
  const inBlocks = (stream?.miniblocks ?? []).flatMap(({ events }) => events);
  return [...inBlocks, ...(stream?.events ?? [])].map(({ hash }) => toHex(hash));
}

describe('streams', () => {
  it('go on after a restart: events, members, and blocks that were due', async (t) => {
    const { world, service, prev } = await started(t);
    const events = [membership(prev, 1, DEVICE), membership(prev, 2, DEVICE, DEVICE), message(prev, 'x', DEVICE)];
    for (const event of events) await service.addEvent(ID, event);
    const before = await eventsOf(service);
    const again = await world.open();
    assert.deepEqual(await eventsOf(again), before);
    assert.equal(again.deadline(), world.clock.monotonic());
    await again.handleTimeout(world.clock.now());
    assert.equal((await again.lastBlock(ID)).number, 1);
    assert.equal(again.deadline(), undefined);
    await again.addEvent(ID, message(prev, 'still a member', DEVICE));
    await assert.rejects(again.addEvent(ID, message(prev, 'no member', MALLORY)), { code: 'ERR_STREAM_FORBIDDEN' });
  });

  it('count every event in the order of the blocks', async (t) => {
    const { world, service, prev } = await started(t);
    await service.addEvent(ID, message(prev, 'a'));
    await service.addEvent(ID, message(prev, 'b'));
    await world.makeBlocks(service);
    await service.addEvent(ID, message(prev, 'c'));
    await world.makeBlocks(service);
    const { miniblocks } = (await service.getStream(ID, undefined, false, undefined)) ?? { miniblocks: [] };
    const headers = miniblocks.map(({ header }) =>
      MINIBLOCK_HEADER.decodeParts(parseEvent(header).event.payload?.parts ?? []),
    );
    assert.deepEqual(
      headers.map(({ miniblockNum }) => miniblockNum),
      [0n, 1n, 2n],
    );
    assert.deepEqual(
      headers.map(({ eventNumOffset }) => eventNumOffset),
      [0n, 2n, 5n],
    );
    assert.deepEqual(headers[2]?.prevMiniblockHash, miniblocks[1]?.header?.hash);
  });

  it('take an event that follows a block of a minute ago, and none that follows an older one', async (t) => {
    const { world, service, prev } = await started(t);
    await service.addEvent(ID, message(prev, 'a'));
    await world.makeBlocks(service);
    world.clock.pass(PREV_BLOCK_MS_MAX);
    await service.addEvent(ID, message(prev, 'b'));
    world.clock.pass(1);
    await assert.rejects(service.addEvent(ID, message(prev, 'c')), { code: 'ERR_STREAM_PREV_UNKNOWN' });
    await service.addEvent(ID, message((await service.lastBlock(ID)).hash, 'd'));
  });

  it('know so many blocks, and an event that follows an older one is refused however recent it is', async (t) => {
    const { world, service, prev } = await started(t);
    let last = prev;
    for (let i = 0; i < RECENT_BLOCKS_MAX; i++) {
      await service.addEvent(ID, message(last, `m${i}`));
      await world.makeBlocks(service);
      ({ hash: last } = await service.lastBlock(ID));
      world.clock.pass(-BLOCK_MS);
    }
    await assert.rejects(service.addEvent(ID, message(prev, 'late')), { code: 'ERR_STREAM_PREV_UNKNOWN' });
  });

  it('take a delegate that ends within bounds, and no other unless as River does (S3.14)', async (t) => {
    const { world, service, prev } = await started(t);
    const event = (expiry: bigint): Envelope =>
      seal(DEVICE, delegatedBytes(expiry, { prevMiniblockHash: prev, payload: channelMessage(`${expiry}`) }));
    const last = BigInt(world.clock.wall() + WALLET_DELEGATE_MS_MAX);
    await service.addEvent(ID, event(last));
    await assert.rejects(service.addEvent(ID, event(last + 1n)), { code: 'ERR_WALLET_LIFETIME' });
    const other = channelId('too long');
    const begin = genesis(other, { delegate: last + 1n });
    await assert.rejects(service.createStream(other, [begin], undefined), { code: 'ERR_WALLET_LIFETIME' });
    const river = await world.open((store) => store, 'allowed');
    for (const expiry of [last + 1n, 0n]) await river.addEvent(ID, event(expiry));
  });

  it('take nothing of a delegate that its wallet has revoked, and know it after a restart (S3.15)', async (t) => {
    const { world, service, prev } = await started(t);
    const soon = world.clock.wall() + 60_000;
    let count = 0;
    const event = (expiry: number): Envelope =>
      seal(DEVICE, delegatedBytes(BigInt(expiry), { prevMiniblockHash: prev, payload: channelMessage(`${count++}`) }));
    const say = (at: StreamService, expiry: number) => at.addEvent(ID, event(expiry));
    const epochs = world.epochs as WalletEpochs;
    const revoke = (below: number, wallet = ALICE) =>
      epochs.take(encodeWalletEpoch(signWalletEpoch(wallet, below as UnixMs)));
    await say(service, soon);
    assert.equal((await revoke(soon)).below, soon);
    await say(service, soon);
    assert.equal((await revoke(soon + 1)).below, soon + 1);
    await assert.rejects(say(service, soon), { code: 'ERR_WALLET_REVOKED' });
    await say(service, soon + 1);
    assert.equal((await revoke(soon)).below, soon + 1, 'an older statement, shown again, changes nothing');
    await assert.rejects(revoke(soon + 2, MALLORY), { code: 'ERR_STREAM_NOT_FOUND' }, 'a wallet without a stream');
    await service.addEvent(ID, message(prev, 'the wallet itself'));

    for (const forever of ['refused', 'allowed'] as const) {
      const again = await world.open((store) => store, forever);
      await assert.rejects(say(again, soon), { code: 'ERR_WALLET_REVOKED' });
      await say(again, soon + 1);
    }
    const river = await world.open((store) => store, 'allowed');
    await assert.rejects(say(river, 0), { code: 'ERR_WALLET_REVOKED' }, 'one that never ends is revoked by any epoch');
    const begin = genesis(channelId('revoked'), { delegate: BigInt(soon) });
    await assert.rejects(river.createStream(channelId('revoked'), [begin], undefined), { code: 'ERR_WALLET_REVOKED' });
  });

  it('judge an expiry by the clock of the moment', async (t) => {
    const { world, service, prev } = await started(t);
    const expiry = BigInt(world.clock.wall() + 1);
    const event = (text: string): Envelope =>
      seal(DEVICE, delegatedBytes(expiry, { prevMiniblockHash: prev, payload: channelMessage(text) }));
    await service.addEvent(ID, event('in time'));
    world.clock.pass(1);
    await assert.rejects(service.addEvent(ID, event('too late')), { code: 'ERR_WALLET_EXPIRED' });
  });

  it('keep their blocks in order when the clock goes back', async (t) => {
    const { world, service, prev } = await started(t);
    const first = await service.lastBlock(ID);
    world.clock.jump(-3_600_000);
    await service.addEvent(ID, message(prev, 'a'));
    await world.makeBlocks(service);
    const second = await service.lastBlock(ID);
    assert.ok(second.timestamp > first.timestamp);
  });

  it('put at most so many events into a block, and the rest into the next', async (t) => {
    const { world, service, prev } = await started(t);
    for (let i = 0; i <= BLOCK_EVENTS_MAX; i++) await service.addEvent(ID, message(prev, `m${i}`));
    await world.makeBlocks(service);
    assert.equal((await service.lastBlock(ID)).number, 1);
    assert.notEqual(service.deadline(), undefined);
    await service.handleTimeout(world.clock.now());
    const stream = await service.getStream(ID, undefined, false, undefined);
    assert.deepEqual(
      stream?.miniblocks.map(({ events }) => events.length),
      [1, BLOCK_EVENTS_MAX, 1],
    );
    assert.equal(stream?.events.length, 0);
  });

  it('add one event once, however often and at once it comes', async (t) => {
    const { service, prev } = await started(t);
    const event = message(prev, 'once');
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.addEvent(ID, event)));
    assert.equal(answers.flat().length, 1);
    assert.equal((await eventsOf(service)).length, 2);
  });

  it('refuse more events than a stream may have', async (t) => {
    const { world, prev } = await started(t);
    const full = (events: number, bytes: number) =>
      world.open(seeming({ find: async (id: Bytes) => ({ id, creator: ALICE.address, events, bytes }) }));
    const service = await full(STREAM_EVENTS_MAX - 1, 0);
    await service.addEvent(ID, message(prev, 'the last'));
    await assert.rejects(service.addEvent(ID, message(prev, 'one more')), { code: 'ERR_STREAM_FULL' });
    await assert.rejects((await full(1, STREAM_BYTES_MAX - 300)).addEvent(ID, message(prev, 'x'.repeat(300))), {
      code: 'ERR_STREAM_FULL',
    });
  });

  it('refuse more streams than a store may have, and more bytes', async (t) => {
    const world = new World(t);
    const many = await world.open(seeming({ totals: async () => ({ streams: EVENT_STREAMS_MAX, bytes: 0 }) }));
    await assert.rejects(many.createStream(ID, [genesis(ID)], undefined), { code: 'ERR_STREAM_FULL' });
    const large = await world.open(seeming({ totals: async () => ({ streams: 0, bytes: STORE_BYTES_MAX }) }));
    await assert.rejects(large.createStream(ID, [genesis(ID)], undefined), { code: 'ERR_STREAM_FULL' });
  });

  it('forget what they knew where the store failed, and go on with what it holds', async (t) => {
    const { world, prev } = await started(t);
    let broken = true;
    const service = await world.open((store) =>
      seeming({
        add: (...event: Parameters<StreamStore['add']>) =>
          broken ? Promise.reject(new Error('disk full')) : store.add(...event),
      })(store),
    );
    await assert.rejects(service.addEvent(ID, membership(prev, 2, DEVICE)), /disk full/);
    await assert.rejects(service.addEvent(ID, message(prev, 'x', DEVICE)), { code: 'ERR_STREAM_FORBIDDEN' });
    broken = false;
    await service.addEvent(ID, membership(prev, 2, DEVICE));
    await service.addEvent(ID, message(prev, 'x', DEVICE));
  });

  it('refuse changes of membership that nobody may make', async (t) => {
    const { service, prev } = await started(t);
    await service.addEvent(ID, membership(prev, 2, DEVICE));
    const payload = { number: PAYLOAD.member, parts: [Uint8Array.fromHex('0a020802')] }; // join, of nobody
    const cases: readonly (readonly [Envelope, ErrorCode])[] = [
      [membership(prev, 2, MALLORY, MALLORY), 'ERR_STREAM_FORBIDDEN'],
      [membership(prev, 3, ALICE, DEVICE), 'ERR_STREAM_FORBIDDEN'],
      [membership(prev, 0, MALLORY), 'ERR_STREAM_PAYLOAD'],
      [membership(prev, 4, MALLORY), 'ERR_STREAM_PAYLOAD'],
      [seal(ALICE, eventBytes({ prevMiniblockHash: prev, payload })), 'ERR_STREAM_PAYLOAD'],
    ];
    for (const [event, code] of cases) await assert.rejects(service.addEvent(ID, event), { code });
  });
});
