import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bytes, fromHex, toHex } from '../../../src/base/bytes.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import { ENVELOPE, STREAM_EVENT } from '../../../src/message/river/envelope.ts';
import { judgeEventExpiry, parseEvent } from '../../../src/message/river/parse-event.ts';
import { riverHash } from '../../../src/message/river/river-hash.ts';
import { personalMessageHash, walletOf } from '../../../src/message/river/wallet.ts';
import {
  delegateHashSource,
  signWalletDelegate,
  verifyWalletDelegate,
} from '../../../src/message/river/wallet-delegate.ts';
import { missingVectors, readVectors } from '../../support/vectors.ts';

interface HashVector {
  readonly len: number;
  readonly hash: string;
  readonly inputHex?: string;
}

interface RiverVectors {
  readonly keys: readonly { privateKey: string; publicKeyUncompressed: string; address: string }[];
  readonly riverHash: readonly HashVector[];
  readonly riverSnapshotHash: readonly HashVector[];
  readonly delegateHashSrc: readonly {
    devicePubKey: string;
    expiryEpochMs: string;
    hashSrc?: string;
    eip191Hash?: string;
    error?: string;
  }[];
  readonly delegateSig: readonly {
    userKey: number;
    creatorAddress: string;
    devicePubKey: string;
    expiryEpochMs: string;
    delegateSig: string;
  }[];
  readonly envelopes: readonly {
    name: string;
    hash: string;
    signature: string;
    event: string;
    envelopeProto: string;
    streamEvent: Readonly<Record<string, unknown>>;
    goSemantics: string;
  }[];
}

const FILE = 'river/river.json';
const skip = missingVectors(FILE);
const vectors = skip === false ? readVectors<RiverVectors>(FILE) : undefined;

function inputOf({ len, inputHex }: HashVector): Bytes {
  if (inputHex !== undefined) return fromHex(inputHex);
  return Uint8Array.from({ length: len }, (_, i) => (i * 7 + 3) & 0xff);
}

describe('River vectors', { skip }, () => {
  for (const vector of vectors?.riverHash ?? []) {
    it(`RiverHash of ${vector.len} bytes`, () => assert.equal(toHex(riverHash(inputOf(vector))), vector.hash));
  }

  for (const vector of vectors?.riverSnapshotHash ?? []) {
    it(`RiverHash of a snapshot of ${vector.len} bytes`, () =>
      assert.equal(toHex(riverHash(inputOf(vector), 'snapshot')), vector.hash));
  }

  for (const { privateKey, publicKeyUncompressed, address } of vectors?.keys ?? []) {
    it(`key and address ${address}`, () => {
      const wallet = walletOf(new Secret(fromHex(privateKey)));
      assert.equal(toHex(wallet.publicKey), publicKeyUncompressed);
      assert.equal(toHex(wallet.address), address);
    });
  }

  for (const vector of vectors?.delegateHashSrc ?? []) {
    const { devicePubKey, expiryEpochMs, hashSrc, eip191Hash, error } = vector;
    const source = (): Bytes => delegateHashSource(fromHex(devicePubKey), BigInt(expiryEpochMs));
    const name = `delegate hash source of a key of ${devicePubKey.length / 2} bytes, expiry ${expiryEpochMs}`;
    if (error === undefined) {
      it(name, () => {
        assert.equal(toHex(source()), hashSrc);
        assert.equal(toHex(personalMessageHash(source())), eip191Hash);
      });
    } else {
      const code = error.startsWith('Expiry') ? 'ERR_WALLET_EXPIRY' : 'ERR_WALLET_KEY';
      it(`${name}: ${error}`, () => assert.throws(source, { code }));
    }
  }

  for (const { userKey, creatorAddress, devicePubKey, expiryEpochMs, delegateSig } of vectors?.delegateSig ?? []) {
    it(`delegate of ${creatorAddress} until ${expiryEpochMs} verifies, and is what we sign`, () => {
      const wallet = walletOf(new Secret(fromHex(vectors?.keys[userKey]?.privateKey ?? '')));
      const delegate = signWalletDelegate(wallet, fromHex(devicePubKey), BigInt(expiryEpochMs));
      assert.equal(toHex(delegate.signature), delegateSig);
      assert.equal(toHex(delegate.creator), creatorAddress);
      verifyWalletDelegate(delegate);
      const other = { ...delegate, expiresAtMs: delegate.expiresAtMs ^ 1n };
      assert.throws(() => verifyWalletDelegate(other), { code: 'ERR_WALLET_SIGNATURE' });
    });
  }

  for (const vector of vectors?.envelopes ?? []) {
    it(`envelope «${vector.name}»: ${vector.goSemantics}`, () => {
      assert.equal(vector.goSemantics, 'accept');
      const envelope = ENVELOPE.decode(fromHex(vector.envelopeProto));
      assert.deepEqual(ENVELOPE.encode(envelope), fromHex(vector.envelopeProto));
      const parsed = parseEvent(envelope);
      assert.equal(toHex(parsed.hash), vector.hash);
      assert.equal(toHex(parsed.envelope.event), vector.event);
      const { event } = parsed;
      assert.equal(toHex(event.creatorAddress), vector.streamEvent['creatorAddress']);
      assert.equal(toHex(event.delegateSig), vector.streamEvent['delegateSig']);
      assert.equal(toHex(event.salt), vector.streamEvent['salt']);
      assert.equal(String(event.createdAtEpochMs), vector.streamEvent['createdAtEpochMs']);
      assert.equal(String(event.delegateExpiryEpochMs), vector.streamEvent['delegateExpiryEpochMs']);
      assert.equal(event.ephemeral, vector.streamEvent['ephemeral']);
      assert.equal(event.prevMiniblockHash?.toHex(), vector.streamEvent['prevMiniblockHash']);
      assert.equal(event.prevMiniblockNum?.toString(), vector.streamEvent['prevMiniblockNum']);
      assert.deepEqual(STREAM_EVENT.encode(event), envelope.event);
    });
  }

  it('an expired delegate parses and is refused by the clock alone', () => {
    const vector = vectors?.envelopes.find(({ name }) => name.includes('expired 1234567890'));
    const parsed = parseEvent(ENVELOPE.decode(fromHex(vector?.envelopeProto ?? '')));
    judgeEventExpiry(parsed, 1_234_567_889 as UnixMs, 'refused');
    assert.throws(() => judgeEventExpiry(parsed, 1_234_567_890 as UnixMs, 'refused'), { code: 'ERR_WALLET_EXPIRED' });
  });
});
