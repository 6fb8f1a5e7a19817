import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bytes, concatBytes, toHex, utf8 } from '../../src/base/bytes.ts';
import { sha256Hex } from '../../src/crypto/hash.ts';
import { systemRandom } from '../../src/host/machine/system-random.ts';
import {
  CHALLENGE_PREFIXES,
  type Challenge,
  type ChallengeAnswer,
  type ChallengePrefix,
  challengeHash,
} from '../../src/message/river/challenge.ts';
import type { Wallet } from '../../src/message/river/wallet.ts';
import { signWalletDelegate } from '../../src/message/river/wallet-delegate.ts';
import { Authentication, CHALLENGE_MS, CHALLENGES_MAX, SESSION_MS } from '../../src/streams/authentication.ts';
import { MeshError } from '../../src/base/errors.ts';
import { WALLET_DELEGATE_MS_MAX } from '../../src/identity/delegate/statement.ts';
import type { WalletEpochs } from '../../src/streams/wallet-epochs.ts';
import { HandClock } from '../support/mesh/authority-world.ts';
import { ALICE, DEVICE, MALLORY, withV } from '../support/river.ts';

const NONE = { delegateSig: new Uint8Array(0), delegateExpiryEpochMs: 0n };

function world(forever: 'refused' | 'allowed' = 'refused') {
  const clock = new HandClock();
  /** Delegates of whomsoever that end before are revoked. */
  const revoked = { below: 0n };
  const epochs: Pick<WalletEpochs, 'judge'> = {
    judge: (_wallet, expiresAtMs) => {
      if (expiresAtMs < revoked.below) throw new MeshError('ERR_WALLET_REVOKED', 'revoked');
    },
  };
  return { clock, revoked, authentication: new Authentication({ clock, random: systemRandom, forever, epochs }) };
}

function answerOf(wallet: Wallet, challenge: Challenge, prefix: ChallengePrefix = 'NS_AUTH:'): ChallengeAnswer {
  return { signature: wallet.signPersonal(challengeHash(prefix, challenge)), ...NONE };
}

function delegated(challenge: Challenge, expiresAtMs: bigint, device: Wallet = DEVICE): ChallengeAnswer {
  const { signature } = signWalletDelegate(ALICE, DEVICE.publicKey, expiresAtMs);
  return { ...answerOf(device, challenge), delegateSig: signature, delegateExpiryEpochMs: expiresAtMs };
}

describe('authentication by challenge', () => {
  for (const prefix of CHALLENGE_PREFIXES) {
    it(`opens a session for who signs with ${prefix}`, () => {
      const { authentication } = world();
      const challenge = authentication.start(ALICE.address);
      assert.equal(challenge.bytes.length, 16);
      const token = authentication.finish(challenge.bytes, ALICE.address, answerOf(ALICE, challenge, prefix));
      assert.deepEqual(authentication.userOf(token), ALICE.address);
    });
  }

  it('takes an answer once, right or wrong', () => {
    const { authentication } = world();
    for (const first of [ALICE, MALLORY]) {
      const challenge = authentication.start(ALICE.address);
      const finish = (by: Wallet) => authentication.finish(challenge.bytes, ALICE.address, answerOf(by, challenge));
      if (first === ALICE) finish(first);
      else assert.throws(() => finish(first), { code: 'ERR_CHALLENGE_SIGNATURE' });
      assert.throws(() => finish(ALICE), { code: 'ERR_CHALLENGE_UNKNOWN' });
    }
  });

  it('takes none after 30 seconds', () => {
    const { authentication, clock } = world();
    const challenge = authentication.start(ALICE.address);
    clock.pass(CHALLENGE_MS);
    const late = () => authentication.finish(challenge.bytes, ALICE.address, answerOf(ALICE, challenge));
    assert.throws(late, { code: 'ERR_CHALLENGE_UNKNOWN' });
  });

  it('takes none for another user, nor of a challenge that it never gave', () => {
    const { authentication } = world();
    const challenge = authentication.start(ALICE.address);
    const other = () => authentication.finish(challenge.bytes, MALLORY.address, answerOf(MALLORY, challenge));
    assert.throws(other, { code: 'ERR_CHALLENGE_UNKNOWN' });
    const own = { ...challenge, bytes: new Uint8Array(16) };
    const made = () => authentication.finish(own.bytes, ALICE.address, answerOf(ALICE, own));
    assert.throws(made, { code: 'ERR_CHALLENGE_UNKNOWN' });
  });

  for (const [name, wrong] of [
    ['no signature', new Uint8Array(0)],
    ['64 bytes', new Uint8Array(64).fill(1)],
    ['v = 29', undefined],
  ] as const) {
    it(`refuses ${name}`, () => {
      const { authentication } = world();
      const challenge = authentication.start(ALICE.address);
      const good = answerOf(ALICE, challenge);
      const signature: Bytes = wrong ?? withV(good.signature, 29);
      const finish = () => authentication.finish(challenge.bytes, ALICE.address, { ...good, signature });
      assert.throws(finish, { code: 'ERR_CHALLENGE_SIGNATURE' });
    });
  }

  it('lets a device in under a delegate that holds', () => {
    const { authentication, clock } = world();
    const challenge = authentication.start(ALICE.address);
    const answer = delegated(challenge, BigInt(clock.wall() + 60_000));
    assert.deepEqual(
      authentication.userOf(authentication.finish(challenge.bytes, ALICE.address, answer)),
      ALICE.address,
    );
  });

  it('refuses a delegate that has expired, never does, or is for another device', () => {
    const { authentication, clock } = world();
    const soon = BigInt(clock.wall() + 60_000);
    for (const [expiry, device, code] of [
      [BigInt(clock.wall()), DEVICE, 'ERR_WALLET_EXPIRED'],
      [BigInt(clock.wall() + 999), DEVICE, 'ERR_WALLET_EXPIRED'], // in whole seconds, as River
      [0n, DEVICE, 'ERR_WALLET_FOREVER'],
      [soon, MALLORY, 'ERR_WALLET_SIGNATURE'],
      [BigInt(clock.wall() + WALLET_DELEGATE_MS_MAX + 1_000), DEVICE, 'ERR_WALLET_LIFETIME'],
    ] as const) {
      const challenge = authentication.start(ALICE.address);
      const finish = () => authentication.finish(challenge.bytes, ALICE.address, delegated(challenge, expiry, device));
      assert.throws(finish, { code });
    }
    const challenge = authentication.start(ALICE.address);
    const negative = { ...delegated(challenge, soon), delegateExpiryEpochMs: -1n };
    assert.throws(() => authentication.finish(challenge.bytes, ALICE.address, negative), { code: 'ERR_WALLET_EXPIRY' });
  });

  it('refuses a delegate that the wallet has revoked, and ends the sessions that it opened', () => {
    const { authentication, clock, revoked } = world();
    const expiry = BigInt(clock.wall() + 60_000);
    const open = (answer: (challenge: Challenge) => ChallengeAnswer): string => {
      const challenge = authentication.start(ALICE.address);
      return authentication.finish(challenge.bytes, ALICE.address, answer(challenge));
    };
    const byDevice = (expiresAtMs: bigint) => (challenge: Challenge) => delegated(challenge, expiresAtMs);
    const own = open((challenge) => answerOf(ALICE, challenge));
    const [early, late] = [open(byDevice(expiry)), open(byDevice(expiry + 1_000n))];
    revoked.below = expiry + 1_000n;
    assert.throws(() => authentication.userOf(early), { code: 'ERR_WALLET_REVOKED' });
    assert.deepEqual(
      [own, late].map((token) => authentication.userOf(token)),
      [ALICE.address, ALICE.address],
    );
    assert.throws(() => open(byDevice(expiry)), { code: 'ERR_WALLET_REVOKED' });
    open(byDevice(expiry + 1_000n));
  });

  it('takes a delegate for ever where River compatibility is asked for', () => {
    const { authentication } = world('allowed');
    const challenge = authentication.start(ALICE.address);
    authentication.finish(challenge.bytes, ALICE.address, delegated(challenge, 0n));
  });

  it('ends a session after half an hour, and knows no other token', () => {
    const { authentication, clock } = world();
    const challenge = authentication.start(ALICE.address);
    const token = authentication.finish(challenge.bytes, ALICE.address, answerOf(ALICE, challenge));
    clock.pass(SESSION_MS - 1);
    authentication.userOf(token);
    clock.pass(1);
    for (const wrong of [token, undefined, '', `${token}x`])
      assert.throws(() => authentication.userOf(wrong), { code: 'ERR_SESSION' });
  });

  it('refuses users that are no addresses', () => {
    const { authentication } = world();
    for (const user of [new Uint8Array(0), new Uint8Array(20), ALICE.address.subarray(1)])
      assert.throws(() => authentication.start(user), { code: 'ERR_INPUT' });
  });

  it('forgets the oldest challenge where strangers ask for ever more', () => {
    const { authentication } = world();
    const first = authentication.start(ALICE.address);
    const second = authentication.start(ALICE.address);
    for (let i = 0; i < CHALLENGES_MAX - 1; i++) authentication.start(MALLORY.address);
    const finish = (challenge: Challenge) =>
      authentication.finish(challenge.bytes, ALICE.address, answerOf(ALICE, challenge));
    assert.throws(() => finish(first), { code: 'ERR_CHALLENGE_UNKNOWN' });
    finish(second);
  });

  it('hashes the seconds in as few octets as they take', () => {
    const bytes = new Uint8Array(16).fill(5);
    for (const [seconds, octets] of [
      [0x12345, [0x01, 0x23, 0x45]],
      [0x123456, [0x12, 0x34, 0x56]],
    ] as const) {
      const challenge = { bytes, user: ALICE.address, expiresAt: (seconds * 1_000 + 999) as Challenge['expiresAt'] };
      const signed = concatBytes(utf8('AS_AUTH:'), ALICE.address, Uint8Array.from(octets), bytes);
      assert.equal(toHex(challengeHash('AS_AUTH:', challenge)), sha256Hex(signed));
    }
  });
});
