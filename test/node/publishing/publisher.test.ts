import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type Bytes, utf8 } from '../../../src/base/bytes.ts';
import { HOUR_MS, MINUTE_MS, unixSeconds } from '../../../src/base/time.ts';
import { MeshError } from '../../../src/base/errors.ts';
import { parseMessageType } from '../../../src/message/family.ts';
import {
  CONTENT_TYPE_BYTES_MAX,
  FUTURE_MAX_MS,
  LIFETIME_MAX_MS,
  PAYLOAD_BYTES_MAX,
} from '../../../src/message/limits.ts';
import { parseMessage } from '../../../src/message/message-reader.ts';
import { nextIncarnation } from '../../../src/node/node-start.ts';
import { Publisher, type PublishRequest, RESTORED_RATE, SIGNING_MAX } from '../../../src/node/publishing/publisher.ts';
import type { Certificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { at, MESH, MeshFixture, NOW_MS } from '../../support/mesh/mesh-fixture.ts';

const ADMITTED = (): void => undefined;
const SAID: PublishRequest = { type: parseMessageType('sensor/t'), payload: utf8('x'), ttlMs: HOUR_MS };
const INCARNATION = unixSeconds(NOW_MS);

interface Asked {
  readonly ticket: number;
  readonly data: Bytes;
}

describe('publisher', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann');
  });
  const make = (signed: Asked[] = [], batches = false): Publisher => {
    const { nodeId, signer, chain } = fixture.member('ann');
    const voucherId = (chain[0] as Certificate).fingerprintHex;
    const identity = { nodeId, algorithm: signer.algorithm, voucherId };
    const sign = (ticket: number, data: Bytes): number => signed.push({ ticket, data });
    return new Publisher({ mesh: MESH, identity, incarnation: INCARNATION, batches, sign });
  };

  it('numbers messages from 0 and has each signed', () => {
    const asked: Asked[] = [];
    const publisher = make(asked);
    for (let request = 10; request < 13; request++) publisher.publish(NOW_MS, request, SAID, ADMITTED);
    publisher.flush();
    const { signer } = fixture.member('ann');
    const messages = asked
      .toReversed()
      .flatMap(({ ticket, data }) => publisher.handleSigned(ticket, signer.signSync(data)));
    assert.deepEqual(
      messages.map((signed) => signed.request),
      [12, 11, 10],
    );
    assert.deepEqual(
      messages.map((signed) => signed.message?.counter),
      [2, 1, 0],
    );
    for (const signed of messages) assert.equal(signed.message?.incarnation, INCARNATION);
    assert.equal(publisher.nextCounter, 3);
  });

  it('signs what one turn gathers in batches of 64, in order, and what is too little for one each by itself', () => {
    const asked: Asked[] = [];
    const publisher = make(asked, true);
    const { signer } = fixture.member('ann');
    const { publicKey } = fixture.member('ann').chain[0] as Certificate;
    for (const [count, signatures] of [
      [3, 3],
      [4, 1],
      [64, 1],
      [64 + 3, 1 + 3],
      [200, 4],
    ] as const) {
      const from = publisher.nextCounter;
      for (let i = 0; i < count; i++) publisher.publish(NOW_MS, from + i, SAID, ADMITTED);
      publisher.flush();
      publisher.flush();
      assert.equal(asked.length, signatures);
      const signed = asked
        .splice(0)
        .flatMap(({ ticket, data }) => publisher.handleSigned(ticket, signer.signSync(data)));
      assert.deepEqual(
        signed.map(({ request, message }) => [request, message?.counter]),
        Array.from({ length: count }, (_, i) => [from + i, from + i]),
      );
      for (const { message } of signed) {
        const parsed = parseMessage(MESH, message?.bytes as Bytes);
        assert.ok(publicKey.verify(parsed.algorithm, parsed.signedBytes, parsed.signature));
        assert.deepEqual(parsed.signedBytes, message?.signedBytes);
      }
    }
  });

  it('gives up every message of a batch whose key store failed', () => {
    const asked: Asked[] = [];
    const publisher = make(asked, true);
    for (let i = 0; i < 5; i++) publisher.publish(NOW_MS, i, SAID, ADMITTED);
    publisher.flush();
    const answers = publisher.handleSigned(asked[0]?.ticket as number, undefined);
    assert.deepEqual(
      answers,
      [0, 1, 2, 3, 4].map((request) => ({ request, message: undefined })),
    );
  });

  it('dates messages to the second, and for as long as is asked', () => {
    const asked: Asked[] = [];
    const publisher = make(asked);
    publisher.publish(at(1_999).wall, 1, SAID, ADMITTED);
    publisher.flush();
    const [signed] = publisher.handleSigned(asked[0]?.ticket as number, new Uint8Array(64));
    assert.equal(signed?.message?.issuedAt, NOW_MS + 1_000);
    assert.equal(signed?.message?.expiresAt, NOW_MS + 1_000 + HOUR_MS);
    assert.equal(signed?.message?.contentType, 'application/octet-stream');
  });

  it('gives up a message whose key store failed, and answers each ticket once', () => {
    const asked: Asked[] = [];
    const publisher = make(asked);
    publisher.publish(NOW_MS, 1, SAID, ADMITTED);
    publisher.flush();
    const ticket = asked[0]?.ticket as number;
    assert.deepEqual(publisher.handleSigned(ticket, undefined), [{ request: 1, message: undefined }]);
    assert.deepEqual(publisher.handleSigned(ticket, new Uint8Array(64)), []);
    assert.deepEqual(publisher.handleSigned(999, new Uint8Array(64)), []);
  });

  for (const [name, more, code] of [
    ['no life', { ttlMs: 0 }, 'ERR_MESSAGE_LIFETIME'],
    ['half a second of life', { ttlMs: 500 }, 'ERR_MESSAGE_LIFETIME'],
    ['a second and a half', { ttlMs: 1_500 }, 'ERR_MESSAGE_LIFETIME'],
    ['more than seven days', { ttlMs: LIFETIME_MAX_MS + 1_000 }, 'ERR_MESSAGE_LIFETIME'],
    ['no number', { ttlMs: Number.NaN }, 'ERR_MESSAGE_LIFETIME'],
    ['a payload too large', { payload: new Uint8Array(PAYLOAD_BYTES_MAX + 1) }, 'ERR_MESSAGE_PAYLOAD'],
    ['no content type', { contentType: '' }, 'ERR_MESSAGE_MALFORMED'],
    ['a content type too long', { contentType: 'x'.repeat(CONTENT_TYPE_BYTES_MAX + 1) }, 'ERR_MESSAGE_MALFORMED'],
  ] as const)
    it(`refuses ${name}, and spends no counter on it`, () => {
      const publisher = make();
      assert.throws(() => publisher.publish(NOW_MS, 1, { ...SAID, ...more }, ADMITTED), { code });
      assert.equal(publisher.nextCounter, 0);
    });

  it('spends no counter on what the gate would refuse: a gap in the stream is for ever', () => {
    const publisher = make();
    const refuse = (): never => {
      throw new MeshError('ERR_MESSAGE_OVER_BUDGET', 'over budget');
    };
    assert.throws(() => publisher.publish(NOW_MS, 1, SAID, refuse), { code: 'ERR_MESSAGE_OVER_BUDGET' });
    assert.equal(publisher.nextCounter, 0);
  });

  it('waits for no more signatures than it may', () => {
    const publisher = make();
    for (let i = 0; i < SIGNING_MAX; i++) publisher.publish(NOW_MS, i, SAID, ADMITTED);
    assert.throws(() => publisher.publish(NOW_MS, 0, SAID, ADMITTED), { code: 'ERR_OVERLOADED' });
  });

  it('opens a stream above one that a peer holds of it: it was restored from an older state (T24)', () => {
    const publisher = make();
    publisher.publish(NOW_MS, 1, SAID, ADMITTED);
    assert.equal(publisher.handleHeldIncarnation(at(0), INCARNATION + 5), INCARNATION + 6);
    assert.equal(publisher.incarnation, INCARNATION + 6);
    assert.equal(publisher.nextCounter, 0);
  });

  it('does not open stream after stream because a peer says so again and again', () => {
    const publisher = make();
    const claim = (nowMs: number): number | undefined =>
      publisher.handleHeldIncarnation(at(nowMs), publisher.incarnation + 1);
    for (let i = 0; i < RESTORED_RATE.burstTokens; i++) assert.notEqual(claim(0), undefined);
    assert.equal(claim(0), undefined);
    assert.notEqual(claim(1_000 / RESTORED_RATE.tokensPerSecond), undefined, 'a later one may be true');
    assert.notEqual(
      publisher.handleClone(publisher.incarnation, 0),
      undefined,
      'a clone that was heard is none of these',
    );
  });

  for (const [name, held] of [
    ['its own stream', INCARNATION],
    ['an older stream', INCARNATION - 1],
    ['no stream', 0],
    ['a stream of the far future: a lie', unixSeconds(at(FUTURE_MAX_MS).wall) + 1],
    ['the largest number that there is: a lie', Number.MAX_SAFE_INTEGER],
  ] as const)
    it(`stays where it is when a peer claims to hold ${name}`, () => {
      const publisher = make();
      assert.equal(publisher.handleHeldIncarnation(at(0), held), undefined);
      assert.equal(publisher.incarnation, INCARNATION);
    });

  it('starts above the last start and not before the time of day', () => {
    assert.equal(nextIncarnation(0, NOW_MS), INCARNATION);
    assert.equal(nextIncarnation(INCARNATION, NOW_MS), INCARNATION + 1);
    assert.equal(nextIncarnation(INCARNATION + 100, at(MINUTE_MS).wall), INCARNATION + 101, 'a clock that went back');
  });
});
