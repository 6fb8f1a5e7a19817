import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { concatBytes, toHex, utf8 } from '../../../src/base/bytes.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import { createLog } from '../../../src/daemon/log.ts';
import { type RunningStreams, runStreams } from '../../../src/daemon/streams/run.ts';
import { encodeBearerToken, openBearerToken } from '../../../src/message/river/bearer-token.ts';
import { challengeHash } from '../../../src/message/river/challenge.ts';
import { type Envelope, PAYLOAD, STREAM_EVENT } from '../../../src/message/river/envelope.ts';
import { judgeEventExpiry, parseEvent } from '../../../src/message/river/parse-event.ts';
import { riverHash } from '../../../src/message/river/river-hash.ts';
import { addressText, walletOf } from '../../../src/message/river/wallet.ts';
import { signWalletDelegate, verifyWalletDelegate } from '../../../src/message/river/wallet-delegate.ts';
import {
  ALICE,
  DEVICE,
  delegatedBytes,
  eventBytes,
  highTwin,
  LATER_MS,
  MALLORY,
  seal,
  withV,
} from '../../support/river.ts';
import { channelId, connectClient, genesis, message, userStreamId } from '../../support/river-streams.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { missingTownsSdk as skip, type TownsSdk, townsSdk } from '../../support/foreign/towns-sdk.ts';

const CHANNEL_MESSAGE = {
  case: 'channelPayload',
  value: { content: { case: 'message', value: { ciphertext: 'hello', algorithm: 'r.group-encryption.v1.aes' } } },
};
const PREVIOUS = new Uint8Array(32).fill(7);
const none = undefined;

describe("River's SDK and we", { skip }, () => {
  let sdk: TownsSdk;
  before(() => (sdk = townsSdk()));

  it('hash alike', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        assert.deepEqual(riverHash(bytes), new Uint8Array(sdk.riverHash(bytes)));
        assert.deepEqual(riverHash(bytes, 'snapshot'), new Uint8Array(sdk.riverSnapshotHash(bytes)));
      }),
    );
  });

  it('accept what the SDK signs under a delegate', async () => {
    const [wallet, device] = [sdk.ethers.Wallet.createRandom(), sdk.ethers.Wallet.createRandom()];
    const context = await sdk.makeSignerContext(wallet, device, { days: 1 });
    const envelope = await sdk.makeEvent(context, CHANNEL_MESSAGE, PREVIOUS, 3n);
    const parsed = parseEvent(envelope);
    assert.equal(addressText(parsed.event.creatorAddress), wallet.address.toLowerCase());
    assert.equal(addressText(parsed.signer), device.address.toLowerCase());
    assert.equal(parsed.event.prevMiniblockNum, 3n);
    judgeEventExpiry(parsed, Date.now() as UnixMs, 'refused');
    assert.throws(() => judgeEventExpiry(parsed, Number(context.delegateExpiryEpochMs) as UnixMs, 'refused'), {
      code: 'ERR_WALLET_EXPIRED',
    });
  });

  it('accept what the SDK signs directly', async () => {
    const wallet = sdk.ethers.Wallet.createRandom();
    const context = {
      creatorAddress: Uint8Array.fromHex(wallet.address.slice(2)),
      signerPrivateKey: () => wallet.privateKey.slice(2),
    };
    const parsed = parseEvent(await sdk.makeEvent(context, CHANNEL_MESSAGE, PREVIOUS));
    assert.equal(parsed.isDelegated, false);
    assert.deepEqual(parsed.signer, context.creatorAddress);
  });

  it('sign what the SDK accepts: directly, under a delegate, and under one that never ends', async () => {
    const events = [seal(ALICE, eventBytes()), seal(DEVICE, delegatedBytes()), seal(DEVICE, delegatedBytes(0n))];
    for (const envelope of events) {
      const unpacked = await sdk.unpackEnvelope(envelope, none);
      assert.equal(unpacked.creatorUserId.toLowerCase(), addressText(ALICE.address));
      assert.deepEqual(new Uint8Array(unpacked.hash), envelope.hash);
    }
  });

  it('refuse the same, and take the same twins', async () => {
    const good = seal(ALICE, eventBytes());
    const refused: readonly Envelope[] = [
      { ...good, hash: new Uint8Array(32) },
      { ...good, event: good.event.with(30, 1) },
      { ...good, signature: withV(good.signature, 27) },
      { ...good, signature: good.signature.subarray(0, 64) },
      seal(MALLORY, eventBytes()),
      seal(MALLORY, delegatedBytes()),
      seal(ALICE, delegatedBytes()),
      seal(DEVICE, delegatedBytes(LATER_MS, { delegateExpiryEpochMs: 0n })),
      seal(DEVICE, delegatedBytes(LATER_MS, { delegateExpiryEpochMs: -1n })),
      seal(ALICE, Uint8Array.of(0x28)),
    ];
    for (const envelope of refused) {
      assert.throws(() => parseEvent(envelope));
      await assert.rejects(sdk.unpackEnvelope(envelope, none));
    }
    const twin = { ...good, signature: highTwin(good.signature) };
    parseEvent(twin);
    await sdk.unpackEnvelope(twin, none);
  });

  it('differ on a known field of wrong wire type: the SDK fails on it, we keep it as a node of River would', async () => {
    const envelope = seal(ALICE, concatBytes(eventBytes(), Uint8Array.of(0x18, 0x01))); // a salt that is a number
    assert.deepEqual(parseEvent(envelope).event, STREAM_EVENT.decode(eventBytes()));
    await assert.rejects(sdk.unpackEnvelope(envelope, none));
  });

  it('check delegates alike', async () => {
    for (const expiresAtMs of [0n, 1n, LATER_MS, 2n ** 53n + 1n, 2n ** 63n - 1n]) {
      const ours = signWalletDelegate(ALICE, DEVICE.publicKey, expiresAtMs);
      sdk.checkDelegateSig({
        delegatePubKey: ours.deviceKey,
        creatorAddress: ours.creator,
        delegateSig: ours.signature,
        expiryEpochMs: expiresAtMs,
      });
      const [wallet, device] = [sdk.ethers.Wallet.createRandom(), sdk.ethers.Wallet.createRandom()];
      const theirs = await sdk.makeSignerContext(wallet, device, expiresAtMs);
      verifyWalletDelegate({
        creator: new Uint8Array(theirs.creatorAddress),
        deviceKey: Uint8Array.fromHex(device.publicKey.slice(2)),
        expiresAtMs,
        signature: new Uint8Array(theirs.delegateSig ?? []),
      });
    }
  });

  it('open each other’s bearer tokens', async () => {
    const wallet = sdk.ethers.Wallet.createRandom();
    const opened = openBearerToken(await sdk.makeBearerToken(wallet, { days: 1 }));
    assert.equal(addressText(opened.delegate.creator), wallet.address.toLowerCase());
    verifyWalletDelegate(opened.delegate);
    const key = new Secret(new Uint8Array(32).fill(9));
    const delegate = signWalletDelegate(ALICE, walletOf(key).publicKey, LATER_MS);
    const context = await sdk.makeSignerContextFromBearerToken(encodeBearerToken(key, delegate));
    assert.deepEqual(new Uint8Array(context.creatorAddress), ALICE.address);
    assert.equal(context.delegateExpiryEpochMs, LATER_MS);
  });

  it('hash challenges alike', () => {
    const challenge = { bytes: utf8('sixteen bytes ..'), user: ALICE.address, expiresAt: 1_700_000_000_999 as UnixMs };
    const [user, seconds] = [challenge.user, 1_700_000_000n];
    const notification = sdk.notificationServiceHash(user, seconds, challenge.bytes);
    assert.equal(toHex(challengeHash('NS_AUTH:', challenge)), toHex(new Uint8Array(notification)));
    const registry = sdk.appRegistryHash(user, seconds, challenge.bytes);
    assert.equal(toHex(challengeHash('AS_AUTH:', challenge)), toHex(new Uint8Array(registry)));
  });
});

describe("River's SDK against a stream store", { skip }, () => {
  const directory = tempDir({ after });
  let server: RunningStreams;
  let sdk: TownsSdk;

  before(async () => {
    sdk = townsSdk();
    const log = createLog('silent', 'stream');
    server = await runStreams({ directory, listen: '127.0.0.1:0', forever: 'refused', needsSession: false, log });
  });
  after(() => server.close());

  it('begins a stream, adds events, and reads all of it back with every signature checked', async () => {
    const [wallet, device] = [sdk.ethers.Wallet.createRandom(), sdk.ethers.Wallet.createRandom()];
    const context = await sdk.makeSignerContext(wallet, device, { days: 1 });
    const streamId = channelId('sdk');
    const inception = { case: 'channelPayload', value: { content: { case: 'inception', value: { streamId } } } };
    const client = connectClient(server.url, true);
    const { stream } = await client.createStream({ streamId, events: [await sdk.makeEvent(context, inception)] });
    const previous = stream?.nextSyncCookie?.prevMiniblockHash;
    for (let i = 0; i < 3; i++) {
      const event = await sdk.makeEvent(context, CHANNEL_MESSAGE, previous, 0n);
      assert.equal((await client.addEvent({ streamId, event })).newEvents.length, 1);
    }
    const read = await client.getStream({ streamId });
    const unpacked = await sdk.unpackStream(read.stream, none);
    assert.equal(unpacked.streamAndCookie.miniblocks.length, 1);
    assert.equal(unpacked.snapshot.content.case, 'channelContent');
  });

  it('reads streams of every kind that a wallet of ours begins', async () => {
    const client = connectClient(server.url, true);
    for (const [kind, payload] of [
      [0xa8, PAYLOAD.user],
      [0xa5, PAYLOAD.userSettings],
      [0xad, PAYLOAD.userMetadata],
      [0xa1, PAYLOAD.userInbox],
    ] as const) {
      const streamId = userStreamId(kind, ALICE);
      const { stream } = await client.createStream({ streamId, events: [genesis(streamId, { payload })] });
      await sdk.unpackStream(stream, none);
    }
    const id = channelId('ours');
    const { stream } = await client.createStream({ streamId: id, events: [genesis(id)] });
    const previous = stream?.nextSyncCookie?.prevMiniblockHash ?? PREVIOUS;
    await client.addEvent({ streamId: id, event: message(previous, 'one') });
    await sdk.unpackStream((await client.getStream({ streamId: id })).stream, none);
  });
});
