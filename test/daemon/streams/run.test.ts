import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Code, ConnectError } from '@connectrpc/connect';
import { type Bytes, concatBytes, toHex } from '../../../src/base/bytes.ts';
import { DAY_MS } from '../../../src/base/time.ts';
import { createLog } from '../../../src/daemon/log.ts';
import { type RunningStreams, runStreams } from '../../../src/daemon/streams/run.ts';
import { ENVELOPE, type Envelope, PAYLOAD } from '../../../src/message/river/envelope.ts';
import { MINIBLOCK_HEADER } from '../../../src/message/river/miniblock.ts';
import { parseEvent } from '../../../src/message/river/parse-event.ts';
import { addressText } from '../../../src/message/river/wallet.ts';
import { GENESIS_EVENTS_MAX } from '../../../src/streams/stream-rules.ts';
import { CALL_BYTES_MAX } from '../../../src/http/streams/routes.ts';
import {
  ALICE,
  channelMessage,
  DEVICE,
  delegatedBytes,
  eventBytes,
  highTwin,
  MALLORY,
  seal,
  withV,
} from '../../support/river.ts';
import { channelId, connectClient, genesis, membership, message, userStreamId } from '../../support/river-streams.ts';
import { tempDir } from '../../support/temp-dir.ts';

const NEVER = 'no error';

async function refusal(call: Promise<unknown>): Promise<{ code: Code; river: string; message: string }> {
  try {
    await call;
  } catch (error) {
    const { code, metadata, rawMessage } = ConnectError.from(error);
    return { code, river: metadata.get('x-river-error') ?? '', message: rawMessage };
  }
  return { code: Code.Unknown, river: NEVER, message: NEVER };
}

for (const [encoding, isBinary] of [
  ['protobuf', true],
  ['JSON', false],
] as const) {
  describe(`stream store, called over Connect in ${encoding}`, () => {
    const directory = tempDir({ after });
    let server: RunningStreams;
    let client: ReturnType<typeof connectClient>;

    before(async () => {
      const log = createLog('silent', 'stream');
      server = await runStreams({ directory, listen: '127.0.0.1:0', forever: 'refused', needsSession: false, log });
      client = connectClient(server.url, isBinary);
    });
    after(() => server.close());

    async function created(name: string): Promise<{ id: Bytes; first: Envelope; prev: Bytes }> {
      const id = channelId(`${name} in ${encoding}`);
      const first = genesis(id);
      const { stream } = await client.createStream({ streamId: id, events: [first] });
      return { id, first, prev: stream?.nextSyncCookie?.prevMiniblockHash ?? new Uint8Array() };
    }

    it('tells what it is', async () => {
      const { graffiti, version, startTime } = await client.info({});
      assert.equal(graffiti, 'chainmail');
      assert.match(version, /^\d+\.\d+\.\d+/);
      assert.ok(startTime !== undefined && startTime.seconds > 1_700_000_000n);
    });

    it('creates a stream with a first block that the node signs', async () => {
      const id = channelId(`first ${encoding}`);
      const first = genesis(id);
      const { stream } = await client.createStream({ streamId: id, events: [first] });
      const [block] = stream?.miniblocks ?? [];
      assert.deepEqual(ENVELOPE.encode(block?.events[0] ?? {}), ENVELOPE.encode(first));
      const header = parseEvent(block?.header);
      assert.equal(addressText(header.event.creatorAddress), server.address);
      const { eventHashes, miniblockNum, snapshot } = MINIBLOCK_HEADER.decodeParts(header.event.payload?.parts ?? []);
      assert.deepEqual([eventHashes.map(toHex), miniblockNum], [[toHex(first.hash)], 0n]);
      assert.ok((snapshot?.length ?? 0) > 0);
      assert.deepEqual(stream?.nextSyncCookie?.prevMiniblockHash, header.hash);
      const last = await client.getLastMiniblockHash({ streamId: id });
      assert.deepEqual([toHex(last.hash), last.miniblockNum], [toHex(header.hash), 0n]);
    });

    it('answers the same creation again, and refuses another of the same stream', async () => {
      const { id, first, prev } = await created('again');
      const { stream } = await client.createStream({ streamId: id, events: [first] });
      assert.deepEqual(stream?.nextSyncCookie?.prevMiniblockHash, prev);
      const other = genesis(id, { salt: Uint8Array.of(9) });
      assert.equal((await refusal(client.createStream({ streamId: id, events: [other] }))).river, 'ALREADY_EXISTS');
    });

    it('keeps added events as they came, under whichever signature, once', async () => {
      const { id, prev } = await created('added');
      const strange = seal(ALICE, concatBytes(message(prev, 'one').event, Uint8Array.fromHex('f23f0568656c6c6f')));
      const { newEvents } = await client.addEvent({ streamId: id, event: strange });
      assert.deepEqual(
        newEvents.map(({ hash }) => toHex(hash)),
        [toHex(strange.hash)],
      );
      const twin = { ...strange, signature: highTwin(strange.signature) };
      assert.deepEqual((await client.addEvent({ streamId: id, event: twin })).newEvents, []);
      const { stream } = await client.getStream({ streamId: id });
      assert.deepEqual(
        stream?.events.map((event) => toHex(ENVELOPE.encode(event))),
        [toHex(ENVELOPE.encode(strange))],
      );
    });

    it('takes events that a device signs under a delegate', async () => {
      const { id, prev } = await created('delegated');
      const event = seal(DEVICE, delegatedBytes(BigInt(Date.now() + DAY_MS), { prevMiniblockHash: prev }));
      assert.equal((await client.addEvent({ streamId: id, event })).newEvents.length, 1);
    });

    it('makes blocks of what was added, each after the other', async () => {
      const { id, prev } = await created('blocks');
      const sent = [message(prev, 'a'), message(prev, 'b')];
      for (const event of sent) await client.addEvent({ streamId: id, event });
      let head = await client.getLastMiniblockHash({ streamId: id });
      while (head.miniblockNum === 0n) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        head = await client.getLastMiniblockHash({ streamId: id });
      }
      const { stream } = await client.getStream({ streamId: id });
      const block = stream?.miniblocks[1];
      const header = parseEvent(block?.header);
      const content = MINIBLOCK_HEADER.decodeParts(header.event.payload?.parts ?? []);
      assert.deepEqual(
        content.eventHashes,
        sent.map(({ hash }) => hash),
      );
      assert.deepEqual([content.prevMiniblockHash, content.eventNumOffset], [prev, 2n]);
      assert.deepEqual(header.event.prevMiniblockHash, prev);
      assert.deepEqual(
        block?.events.map(({ hash }) => hash),
        sent.map(({ hash }) => hash),
      );
      await client.addEvent({ streamId: id, event: message(prev, 'the block before is still recent') });
      await client.addEvent({ streamId: id, event: message(head.hash, 'and so is the last') });
    });

    it('tells a client what came since it last asked', async () => {
      const { id, prev } = await created('since');
      const cookie = (await client.getStream({ streamId: id })).stream?.nextSyncCookie;
      assert.ok(cookie !== undefined);
      const event = message(prev, 'news');
      await client.addEvent({ streamId: id, event });
      const { stream } = await client.getStream({ streamId: id, syncCookie: cookie });
      assert.equal(stream?.syncReset, false);
      assert.ok(stream?.events.some(({ hash }) => toHex(hash) === toHex(event.hash)));
      assert.equal(stream?.miniblocks.length, 0);
    });

    it("refuses what does not hold, in River's words, and keeps none of it", async () => {
      const { id, prev } = await created('refused');
      const good = message(prev, 'good');
      const expired = delegatedBytes(1_000n, { prevMiniblockHash: prev });
      const forever = delegatedBytes(0n, { prevMiniblockHash: prev });
      const orphan = { prevMiniblockHash: undefined };
      const cases: readonly (readonly [Envelope | undefined, string, Code])[] = [
        [undefined, 'BAD_EVENT', Code.FailedPrecondition],
        [ENVELOPE.empty(), 'BAD_EVENT_HASH', Code.FailedPrecondition],
        [{ ...good, hash: prev }, 'BAD_EVENT_HASH', Code.FailedPrecondition],
        [{ ...good, signature: withV(good.signature, 27) }, 'INVALID_ARGUMENT', Code.InvalidArgument],
        [seal(MALLORY, good.event), 'BAD_EVENT_SIGNATURE', Code.FailedPrecondition],
        [seal(ALICE, Uint8Array.of(0x28)), 'INVALID_ARGUMENT', Code.InvalidArgument],
        [seal(DEVICE, expired), 'PERMISSION_DENIED', Code.PermissionDenied],
        [seal(DEVICE, forever), 'PERMISSION_DENIED', Code.PermissionDenied],
        [seal(ALICE, eventBytes(orphan)), 'INVALID_ARGUMENT', Code.InvalidArgument],
        [seal(ALICE, eventBytes({ prevMiniblockHash: prev.subarray(1) })), 'BAD_HASH_FORMAT', Code.FailedPrecondition],
        [message(new Uint8Array(32), 'lost'), 'BAD_PREV_MINIBLOCK_HASH', Code.FailedPrecondition],
        [
          seal(ALICE, eventBytes({ prevMiniblockHash: prev, prevMiniblockNum: 7n })),
          'MINIBLOCK_TOO_NEW',
          Code.FailedPrecondition,
        ],
        [seal(ALICE, eventBytes({ prevMiniblockNum: 0n })), 'DATA_LOSS', Code.DataLoss],
        [
          seal(ALICE, eventBytes({ prevMiniblockHash: prev, payload: undefined })),
          'INVALID_ARGUMENT',
          Code.InvalidArgument,
        ],
        [
          seal(
            ALICE,
            eventBytes({ prevMiniblockHash: prev, payload: { number: PAYLOAD.user, parts: [Uint8Array.of(0x12, 0)] } }),
          ),
          'INVALID_ARGUMENT',
          Code.InvalidArgument,
        ],
        [
          seal(
            ALICE,
            eventBytes({
              prevMiniblockHash: prev,
              payload: { number: PAYLOAD.miniblockHeader, parts: [Uint8Array.of(0xa2, 6, 0)] },
            }),
          ),
          'INVALID_ARGUMENT',
          Code.InvalidArgument,
        ],
        [message(prev, 'no member', MALLORY), 'PERMISSION_DENIED', Code.PermissionDenied],
      ];
      for (const [event, river, code] of cases) {
        const told = await refusal(client.addEvent(event === undefined ? { streamId: id } : { streamId: id, event }));
        assert.deepEqual([told.river, told.code], [river, code], told.message);
        assert.match(told.message, new RegExp(`^\\(\\d+:${river}\\) `));
      }
      assert.deepEqual((await client.getStream({ streamId: id })).stream?.events, []);
    });

    it('tells where a client shall look for the last block', async () => {
      const { id, prev } = await created('expected');
      const { message: text } = await refusal(
        client.addEvent({ streamId: id, event: message(new Uint8Array(32), 'x') }),
      );
      const parts = text.split('expected = '); // as River's SDK does
      assert.equal(parts.length, 2);
      assert.equal(parts[1]?.split(' ')[0]?.trim(), toHex(prev));
    });

    it('lets members in and out', async () => {
      const { id, prev } = await created('members');
      const add = (event: Envelope) => client.addEvent({ streamId: id, event });
      assert.equal((await refusal(add(membership(prev, 2, MALLORY, MALLORY)))).river, 'PERMISSION_DENIED');
      await add(membership(prev, 1, MALLORY));
      assert.equal((await refusal(add(message(prev, 'early', MALLORY)))).river, 'PERMISSION_DENIED');
      await add(membership(prev, 2, MALLORY, MALLORY));
      await add(message(prev, 'in', MALLORY));
      await add(membership(prev, 3, MALLORY));
      assert.equal((await refusal(add(message(prev, 'out', MALLORY)))).river, 'PERMISSION_DENIED');
    });

    it('refuses streams that cannot begin like this', async () => {
      const id = channelId(`begin ${encoding}`);
      const good = genesis(id);
      const cases: readonly (readonly [Bytes, readonly Envelope[], string])[] = [
        [id.subarray(1), [good], 'BAD_STREAM_ID'],
        [new Uint8Array(32).fill(0x99), [good], 'BAD_STREAM_ID'],
        [id, [], 'BAD_STREAM_CREATION_PARAMS'],
        [channelId('another'), [good], 'BAD_STREAM_CREATION_PARAMS'],
        [id, [good, good], 'BAD_STREAM_CREATION_PARAMS'],
        [id, Array<Envelope>(GENESIS_EVENTS_MAX + 1).fill(good), 'BAD_STREAM_CREATION_PARAMS'],
        [id, [seal(ALICE, eventBytes({ prevMiniblockHash: undefined }))], 'BAD_STREAM_CREATION_PARAMS'],
        [id, [genesis(id, { prevMiniblockHash: new Uint8Array(32) })], 'BAD_STREAM_CREATION_PARAMS'],
        [id, [{ ...good, hash: new Uint8Array(32) }], 'BAD_EVENT_HASH'],
        [
          userStreamId(0xa8, ALICE),
          [genesis(userStreamId(0xa8, ALICE), { wallet: MALLORY, payload: PAYLOAD.user })],
          'BAD_STREAM_CREATION_PARAMS',
        ],
      ];
      for (const [streamId, events, river] of cases) {
        const told = await refusal(client.createStream({ streamId, events: [...events] }));
        assert.equal(told.river, river, told.message);
      }
      assert.equal((await refusal(client.getStream({ streamId: id }))).river, 'NOT_FOUND');
      assert.equal((await client.getStream({ streamId: id, optional: true })).stream, undefined);
      assert.equal((await refusal(client.addEvent({ streamId: id, event: good }))).river, 'NOT_FOUND');
    });

    it('gives a user streams of the own, and of nobody else', async () => {
      for (const [kind, payload] of [
        [0xa8, PAYLOAD.user],
        [0xa5, PAYLOAD.userSettings],
        [0xad, PAYLOAD.userMetadata],
        [0xa1, PAYLOAD.userInbox],
      ] as const) {
        const id = userStreamId(kind, DEVICE);
        const { stream } = await client.createStream({
          streamId: id,
          events: [genesis(id, { wallet: DEVICE, payload })],
        });
        assert.equal(stream?.miniblocks.length, 1);
      }
    });

    it('judges an event that is not to be kept, and keeps it not', async () => {
      const { id, prev } = await created('ephemeral');
      const event = seal(ALICE, eventBytes({ prevMiniblockHash: prev, ephemeral: true }));
      assert.equal((await client.addEvent({ streamId: id, event })).newEvents.length, 1);
      assert.deepEqual((await client.getStream({ streamId: id })).stream?.events, []);
    });

    it('refuses bodies that are too large before it reads them', async () => {
      const { id, prev } = await created('large');
      const event = seal(
        ALICE,
        eventBytes({ prevMiniblockHash: prev, payload: channelMessage('x'.repeat(CALL_BYTES_MAX)) }),
      );
      assert.equal((await refusal(client.addEvent({ streamId: id, event }))).code, Code.ResourceExhausted);
    });

    it('keeps its wallet to itself', () => {
      assert.equal(statSync(join(directory, 'wallet.key')).mode & 0o777, 0o600);
    });
  });
}
