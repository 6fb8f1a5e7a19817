import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Bytes, toHex } from '../../../src/base/bytes.ts';
import { DAY_MS, HOUR_MS, type UnixMs } from '../../../src/base/time.ts';
import { createLog } from '../../../src/daemon/log.ts';
import { StreamsDesk } from '../../../src/daemon/streams/desk.ts';
import { type RunningStreams, runStreams } from '../../../src/daemon/streams/run.ts';
import { CALL_ANSWER_BYTES_MAX, ConnectCaller, RPC_CALL_MS_MAX } from '../../../src/host/http/connect-caller.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { systemRandom } from '../../../src/host/machine/system-random.ts';
import { type Author, deviceAuthor, makeEvent, walletAuthor } from '../../../src/message/river/author.ts';
import { membershipPayload, messagePayload, messageTextOf } from '../../../src/message/river/content.ts';
import { sealMiniblock } from '../../../src/message/river/miniblock.ts';
import type { StreamId } from '../../../src/message/river/stream-id.ts';
import { addressText } from '../../../src/message/river/wallet.ts';
import { signWalletDelegate } from '../../../src/message/river/wallet-delegate.ts';
import { GET_STREAM, type StreamAndCookie } from '../../../src/streams/rpc-messages.ts';
import { verifyStream } from '../../../src/streams/verified-stream.ts';
import { ALICE, DEVICE, LATER_MS, MALLORY, seal } from '../../support/river.ts';
import { connectClient, message } from '../../support/river-streams.ts';
import { tempDir } from '../../support/temp-dir.ts';

const deviceUntil = (ms: number): Author =>
  deviceAuthor({ device: DEVICE, delegate: signWalletDelegate(ALICE, DEVICE.publicKey, BigInt(ms)) });
const ALICES_DEVICE = deviceUntil(Date.now() + DAY_MS);

describe('a program that writes and reads streams', () => {
  const directory = tempDir({ after });
  let server: RunningStreams;
  before(async () => {
    const log = createLog('silent', 'stream');
    server = await runStreams({ directory, listen: '127.0.0.1:0', forever: 'allowed', needsSession: true, log });
  });
  after(() => server.close());

  function desk(author?: Author, forever: 'refused' | 'allowed' = 'refused'): StreamsDesk {
    const caller = new ConnectCaller(server.url);
    return new StreamsDesk({ caller, author, now: () => systemClock.wall(), random: systemRandom, forever });
  }

  const textsOf = async (reader: StreamsDesk, id: StreamId): Promise<(string | undefined)[]> =>
    (await reader.get(id)).events.map(({ event }) => event.payload && messageTextOf(event.payload));

  it('signs as a wallet and as a device for it, gets itself a session, and reads it back', async () => {
    const alice = desk(walletAuthor(ALICE));
    const id = await alice.create('channel');
    await alice.add(id, messagePayload(id, 'by the wallet'));
    const device = desk(ALICES_DEVICE);
    await device.add(id, messagePayload(id, 'by the device'));
    assert.deepEqual(await textsOf(device, id), [undefined, 'by the wallet', 'by the device']);
    const { events, nodes } = await alice.get(id);
    assert.deepEqual(
      events.map(({ event, isDelegated }) => [addressText(event.creatorAddress), isDelegated]),
      [false, false, true].map((isDelegated) => [addressText(ALICE.address), isDelegated]),
    );
    assert.deepEqual(nodes, [server.address]);
  });

  for (const kind of ['space', 'user', 'user-settings', 'user-metadata', 'user-inbox'] as const)
    it(`begins a stream of the kind ${kind}, and a user's once only`, async () => {
      const alice = desk(walletAuthor(ALICE));
      const id = await alice.create(kind);
      assert.equal((await alice.get(id)).events.length, 1);
      if (kind === 'space') return;
      assert.equal(toHex(id.bytes.subarray(1, 21)), toHex(ALICE.address));
      await assert.rejects(alice.create(kind), { code: 'ERR_STREAM_EXISTS' });
    });

  it('lets others in, and is told where they may not', async () => {
    const alice = desk(walletAuthor(ALICE));
    const mallory = desk(walletAuthor(MALLORY));
    const id = await alice.create('channel');
    await assert.rejects(mallory.get(id), { code: 'ERR_STREAM_PRIVATE' });
    await assert.rejects(mallory.add(id, messagePayload(id, 'x')), { code: 'ERR_STREAM_FORBIDDEN' });
    await alice.add(id, membershipPayload('invite', MALLORY.address, ALICE.address));
    await mallory.add(id, membershipPayload('join', MALLORY.address, MALLORY.address));
    await mallory.add(id, messagePayload(id, 'here I am'));
    assert.deepEqual((await textsOf(alice, id)).at(-1), 'here I am');
    await assert.rejects(desk().get(id), { code: 'ERR_SESSION' });
    await assert.rejects(desk().create('channel'), { code: 'ERR_USAGE' });
    const space = await alice.create('space');
    assert.throws(() => messagePayload(space, 'x'), { code: 'ERR_STREAM_PAYLOAD' });
  });

  it('believes a delegate for ever only where it is told to', async () => {
    const delegate = signWalletDelegate(ALICE, DEVICE.publicKey, 0n);
    const device = deviceAuthor({ device: DEVICE, delegate });
    const id = await desk(device, 'allowed').create('channel');
    assert.equal((await desk(walletAuthor(ALICE), 'allowed').get(id)).events.length, 1);
    await assert.rejects(desk(walletAuthor(ALICE)).get(id), { code: 'ERR_WALLET_FOREVER' });
  });

  describe('whose server lies', () => {
    let id: StreamId;
    let whole: StreamAndCookie;
    before(async () => {
      const author = walletAuthor(ALICE);
      const alice = desk(author);
      id = await alice.create('channel');
      await alice.add(id, messagePayload(id, 'one'));
      await alice.add(id, messagePayload(id, 'two'));
      const client = connectClient(server.url, false, await sessionOf(author));
      for (let number = 0n; number < 1n; await pause(50))
        number = (await client.getLastMiniblockHash({ streamId: new Uint8Array(id.bytes) })).miniblockNum;
      await alice.add(id, messagePayload(id, 'three'));
      const caller = new ConnectCaller(server.url);
      caller.token = await sessionOf(author);
      const body = { streamId: id.bytes };
      const { stream } = await caller.call(GET_STREAM, body);
      assert.ok(stream !== undefined && stream.miniblocks.length === 2 && stream.events.length === 1);
      whole = stream;
    });

    /** The token of a session, as the desk gets it. */
    async function sessionOf(author: Author): Promise<string> {
      const caller = new ConnectCaller(server.url);
      const deps = { caller, author, now: () => systemClock.wall(), random: systemRandom, forever: 'refused' } as const;
      await new StreamsDesk(deps).create('channel');
      return caller.token ?? '';
    }

    const refused = (stream: StreamAndCookie, code: string): void =>
      assert.throws(() => verifyStream(id, stream, 'refused', systemClock.wall()), { code });

    it('and is believed as long as it does not', () => {
      assert.deepEqual(
        verifyStream(id, whole, 'refused', systemClock.wall()).events.map(
          ({ event }) => event.payload && messageTextOf(event.payload),
        ),
        [undefined, 'one', 'two', 'three'],
      );
    });

    it('by leaving out, doubling, changing the order of or cutting off what it has', () => {
      const [genesis, second] = whole.miniblocks as [
        StreamAndCookie['miniblocks'][0],
        StreamAndCookie['miniblocks'][0],
      ];
      const withBlock = (change: Partial<typeof second>): StreamAndCookie => ({
        ...whole,
        miniblocks: [genesis, { ...second, ...change }],
      });
      refused(withBlock({ events: second.events.slice(1) }), 'ERR_STREAM_ALTERED');
      refused(withBlock({ events: second.events.toReversed() }), 'ERR_STREAM_ALTERED');
      refused(withBlock({ header: undefined }), 'ERR_EVENT_MISSING');
      refused(withBlock({ header: second.events[0] }), 'ERR_STREAM_ALTERED');
      refused(withBlock({ partial: true }), 'ERR_STREAM_ALTERED');
      refused({ ...whole, miniblocks: [genesis] }, 'ERR_STREAM_ALTERED');
      refused({ ...whole, miniblocks: [second] }, 'ERR_STREAM_ALTERED');
      refused({ ...whole, miniblocks: [] }, 'ERR_STREAM_ALTERED');
      refused({ ...whole, miniblocks: [genesis, second, second] }, 'ERR_STREAM_ALTERED');
      refused({ ...whole, events: [...whole.events, ...whole.events] }, 'ERR_STREAM_ALTERED');
      refused({ ...whole, events: [...whole.events, ...second.events] }, 'ERR_STREAM_ALTERED');
    });

    it('by changing an event, or adding what a stranger signed', () => {
      const [event] = whole.events;
      assert.ok(event !== undefined);
      const bytes = event.event.slice();
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
      refused({ ...whole, events: [{ ...event, event: bytes }] }, 'ERR_EVENT_HASH');
      refused({ ...whole, events: [seal(MALLORY, event.event)] }, 'ERR_EVENT_SIGNATURE');
      const last = whole.nextSyncCookie?.prevMiniblockHash as Bytes;
      refused({ ...whole, events: [message(last, 'x', MALLORY)] }, 'ERR_STREAM_FORBIDDEN');
      refused({ ...whole, events: [message(new Uint8Array(32), 'x')] }, 'ERR_STREAM_ALTERED');
    });

    it('by keeping what a device signed that had no leave any more, or has it for longer than anybody should', () => {
      const hash = whole.nextSyncCookie?.prevMiniblockHash as Bytes;
      const by = (expiresAtMs: number): StreamAndCookie => {
        const at = systemClock.wall();
        const wish = {
          payload: messagePayload(id, 'x'),
          salt: systemRandom.bytes(32),
          at,
          previous: { hash, number: 1n },
        };
        return { ...whole, events: [makeEvent(deviceUntil(expiresAtMs), wish)] };
      };
      const events = (stream: StreamAndCookie, now = systemClock.wall()): number =>
        verifyStream(id, stream, 'refused', now).events.length;
      assert.equal(events(by(Date.now() + 30 * DAY_MS)), 4);
      assert.equal(events(by(Date.now() + 30 * DAY_MS), 0 as UnixMs), 4, 'also where our own clock is far behind');
      assert.equal(events(by(Date.now() - 1_000), (Date.now() + DAY_MS) as UnixMs), 4, 'it may have been in time');
      refused(by(Date.now() - 2 * HOUR_MS), 'ERR_WALLET_EXPIRED');
      refused(by(Number(LATER_MS)), 'ERR_WALLET_LIFETIME');
      assert.equal(verifyStream(id, by(Number(LATER_MS)), 'allowed', systemClock.wall()).events.length, 4);
    });

    it('by giving another stream, or a block that goes back in time', () => {
      assert.throws(() => verifyStream({ ...id, text: '20', bytes: id.bytes }, whole, 'refused', systemClock.wall()), {
        code: 'ERR_STREAM_PARAMETERS',
      });
      const [genesis] = whole.miniblocks;
      assert.ok(genesis?.header !== undefined);
      const header = sealMiniblock(MALLORY, new Uint8Array(32), {
        miniblockNum: 1n,
        prevMiniblockHash: genesis.header.hash,
        timestamp: 1 as UnixMs,
        eventHashes: [],
        snapshot: undefined,
        eventNumOffset: 2n,
      });
      refused({ ...whole, miniblocks: [genesis, { events: [], header, partial: false }] }, 'ERR_STREAM_ALTERED');
    });
  });
});

describe('calls over Connect', () => {
  async function answering(body: Uint8Array | string, status = 200) {
    const server = createServer((_request, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    after(() => server.close().closeAllConnections());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const get = (caller: ConnectCaller) => caller.call(GET_STREAM, {});

  it('go over TLS, or stay on this machine', () => {
    for (const right of ['https://river.test', 'http://127.0.0.1:1', 'http://localhost:1/', 'http://[::1]:1'])
      assert.ok(new ConnectCaller(right));
    for (const wrong of ['http://river.test', 'http://127.evil.test', 'ftp://127.0.0.1', 'river.test', ''])
      assert.throws(() => new ConnectCaller(wrong), { code: 'ERR_INPUT' });
  });

  it(`read answers of up to ${CALL_ANSWER_BYTES_MAX} bytes, within ${RPC_CALL_MS_MAX} ms, and no more`, async () => {
    const max = 1_000;
    assert.ok(max < CALL_ANSWER_BYTES_MAX && RPC_CALL_MS_MAX > 0);
    await assert.rejects(get(new ConnectCaller(await answering(new Uint8Array(max + 1)), max)), {
      code: 'ERR_REMOTE',
      message: /longer/,
    });
    // Within the bound it is read, and is no protobuf.
    await assert.rejects(get(new ConnectCaller(await answering(new Uint8Array(max)), max)), { code: 'ERR_PROTOBUF' });
  });

  it('say what a server refused, in whatever words, and where nobody answers', async () => {
    const river = '{"code":"failed_precondition","message":"(24:BAD_PREV_MINIBLOCK_HASH) x","details":[]}';
    await assert.rejects(get(new ConnectCaller(await answering(river, 400))), {
      code: 'ERR_REMOTE',
      message: /24:BAD/,
    });
    await assert.rejects(get(new ConnectCaller(await answering('<html>', 502))), {
      code: 'ERR_REMOTE',
      message: /502/,
    });
    const foreign = '{"code":"internal","message":"x","error":{"code":"ERR_NOTHING"}}';
    await assert.rejects(get(new ConnectCaller(await answering(foreign, 500))), { code: 'ERR_REMOTE' });
    await assert.rejects(get(new ConnectCaller('http://127.0.0.1:1')), { code: 'ERR_UNREACHABLE' });
  });
});
