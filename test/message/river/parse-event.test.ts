import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bytes, concatBytes, EMPTY, fromHex, utf8 } from '../../../src/base/bytes.ts';
import { type ErrorCode, errorEntry } from '../../../src/base/error-codes.ts';
import { MeshError } from '../../../src/base/errors.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import { bytesField, varintField } from '../../../src/codec/protobuf-wire.ts';
import { ENVELOPE, type Envelope, PAYLOAD, STREAM_EVENT } from '../../../src/message/river/envelope.ts';
import { EVENT_BYTES_MAX, judgeEventExpiry, parseEvent, sealEvent } from '../../../src/message/river/parse-event.ts';
import { riverHash } from '../../../src/message/river/river-hash.ts';
import { WALLET_DELEGATE_MS_MAX } from '../../../src/identity/delegate/statement.ts';
import { judgeDelegateLife, signWalletDelegate } from '../../../src/message/river/wallet-delegate.ts';
import {
  ALICE,
  channelMessage,
  compactOf,
  DEVICE,
  delegatedBytes,
  eventBytes,
  highTwin,
  LATER_MS,
  MALLORY,
  seal,
  withV,
} from '../../support/river.ts';

const GOOD = seal(ALICE, eventBytes());
const DELEGATED = seal(DEVICE, delegatedBytes());
const at = (ms: bigint): UnixMs => Number(ms) as UnixMs;

const field = fromHex;
const extended = (...more: readonly Bytes[]): Envelope => seal(ALICE, concatBytes(eventBytes(), ...more));
const withEvent = (envelope: Envelope, event: Bytes): Envelope => ({ ...envelope, event });
const signedWith = (signature: Bytes): Envelope => ({ ...GOOD, signature });
const delegateSigned = (delegateSig: Bytes, expiry = LATER_MS): Envelope =>
  seal(DEVICE, delegatedBytes(expiry, { delegateSig }));
const goodDelegate = signWalletDelegate(ALICE, DEVICE.publicKey, LATER_MS).signature;
const legacyHash = riverHash(DEVICE.publicKey);
const zeros = new Uint8Array(32);
const order = fromHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');

type Case = readonly [name: string, envelope: Envelope | undefined, code: ErrorCode, river: number];

const REFUSED: readonly Case[] = [
  ['no envelope', undefined, 'ERR_EVENT_MISSING', 26],
  ['an empty envelope', ENVELOPE.empty(), 'ERR_EVENT_HASH', 35],
  ['an envelope without a hash', { ...GOOD, hash: EMPTY }, 'ERR_EVENT_HASH', 35],
  ['a hash cut short', { ...GOOD, hash: GOOD.hash.subarray(0, 31) }, 'ERR_EVENT_HASH', 35],
  ['a hash of another header', { ...GOOD, hash: riverHash(GOOD.event, 'snapshot') }, 'ERR_EVENT_HASH', 35],
  ['one bit of the event changed', withEvent(GOOD, flip(GOOD.event, 40)), 'ERR_EVENT_HASH', 35],
  ['a byte behind the event', withEvent(GOOD, concatBytes(GOOD.event, Uint8Array.of(0))), 'ERR_EVENT_HASH', 35],
  ['a wrong hash and a wrong signature', { ...GOOD, hash: zeros, signature: EMPTY }, 'ERR_EVENT_HASH', 35],
  ['no signature', signedWith(EMPTY), 'ERR_EVENT_RECOVERY', 3],
  ['a signature of 64 bytes', signedWith(GOOD.signature.subarray(0, 64)), 'ERR_EVENT_RECOVERY', 3],
  ['a signature of 66 bytes', signedWith(concatBytes(GOOD.signature, zeros.subarray(0, 1))), 'ERR_EVENT_RECOVERY', 3],
  ...[2, 3, 4, 27, 28, 255].map(
    (v): Case => [`v = ${v}`, signedWith(withV(GOOD.signature, v)), 'ERR_EVENT_RECOVERY', 3],
  ),
  ['r = 0', signedWith(concatBytes(zeros, GOOD.signature.subarray(32))), 'ERR_EVENT_RECOVERY', 3],
  ['s = 0', signedWith(part(GOOD.signature, 32, zeros)), 'ERR_EVENT_RECOVERY', 3],
  ['r = the order', signedWith(part(GOOD.signature, 0, order)), 'ERR_EVENT_RECOVERY', 3],
  ['s = the order', signedWith(part(GOOD.signature, 32, order)), 'ERR_EVENT_RECOVERY', 3],
  [
    'r that is no abscissa of the curve',
    signedWith(part(GOOD.signature, 0, concatBytes(zeros.subarray(0, 31), Uint8Array.of(5)))),
    'ERR_EVENT_RECOVERY',
    3,
  ],
  [
    'v of the other point',
    signedWith(withV(GOOD.signature, 1 - (GOOD.signature[64] as number))),
    'ERR_EVENT_SIGNATURE',
    22,
  ],
  ['signed by another wallet', seal(MALLORY, eventBytes()), 'ERR_EVENT_SIGNATURE', 22],
  ['a signature of another event', signedWith(DELEGATED.signature), 'ERR_EVENT_SIGNATURE', 22],
  ['no creator', seal(ALICE, eventBytes({ creatorAddress: EMPTY })), 'ERR_EVENT_SIGNATURE', 22],
  [
    'a creator of 19 bytes',
    seal(ALICE, eventBytes({ creatorAddress: ALICE.address.subarray(1) })),
    'ERR_EVENT_SIGNATURE',
    22,
  ],
  [
    'a creator of 32 bytes that ends in the address',
    seal(ALICE, eventBytes({ creatorAddress: concatBytes(new Uint8Array(12), ALICE.address) })),
    'ERR_EVENT_SIGNATURE',
    22,
  ],
  ['an event of no bytes', seal(ALICE, EMPTY), 'ERR_EVENT_SIGNATURE', 22],

  ['a device without a delegate', seal(DEVICE, eventBytes()), 'ERR_EVENT_SIGNATURE', 22],
  ['a delegate for another device', seal(MALLORY, delegatedBytes()), 'ERR_WALLET_SIGNATURE', 22],
  ['the creator itself beside a delegate for a device', seal(ALICE, delegatedBytes()), 'ERR_WALLET_SIGNATURE', 22],
  [
    'another expiry than was signed',
    seal(DEVICE, delegatedBytes(LATER_MS, { delegateExpiryEpochMs: LATER_MS + 1n })),
    'ERR_WALLET_SIGNATURE',
    22,
  ],
  [
    'an expiry left out',
    seal(DEVICE, delegatedBytes(LATER_MS, { delegateExpiryEpochMs: 0n })),
    'ERR_WALLET_SIGNATURE',
    22,
  ],
  [
    'another creator than signed the delegate',
    seal(DEVICE, delegatedBytes(LATER_MS, { creatorAddress: MALLORY.address })),
    'ERR_WALLET_SIGNATURE',
    22,
  ],
  ['a negative expiry', seal(DEVICE, delegatedBytes(LATER_MS, { delegateExpiryEpochMs: -1n })), 'ERR_WALLET_EXPIRY', 3],
  [
    'the most negative expiry',
    seal(DEVICE, delegatedBytes(LATER_MS, { delegateExpiryEpochMs: -(2n ** 63n) })),
    'ERR_WALLET_EXPIRY',
    3,
  ],
  ['a delegate in the compact form of EIP-2098', delegateSigned(compactOf(goodDelegate)), 'ERR_WALLET_ENCODING', 22],
  ['a delegate of 66 bytes', delegateSigned(concatBytes(goodDelegate, Uint8Array.of(0))), 'ERR_WALLET_ENCODING', 22],
  ['a delegate of one byte', delegateSigned(Uint8Array.of(27)), 'ERR_WALLET_ENCODING', 22],
  ...[2, 26, 29, 35, 255].map(
    (v): Case => [`a delegate with v = ${v}`, delegateSigned(withV(goodDelegate, v)), 'ERR_WALLET_ENCODING', 22],
  ),
  ['a delegate with r = 0', delegateSigned(part(goodDelegate, 0, zeros)), 'ERR_WALLET_SIGNATURE', 22],
  [
    'a delegate over its raw hash, before there was an expiry',
    delegateSigned(ALICE.signHash(legacyHash)),
    'ERR_WALLET_LEGACY',
    22,
  ],
  ['a delegate as a message over that hash', delegateSigned(ALICE.signPersonal(legacyHash)), 'ERR_WALLET_LEGACY', 22],
  ['a legacy delegate with no expiry', delegateSigned(ALICE.signPersonal(legacyHash), 0n), 'ERR_WALLET_LEGACY', 22],

  ['a field cut short', extended(field('1a05aa')), 'ERR_PROTOBUF', 3],
  ['a tag without a value', extended(field('28')), 'ERR_PROTOBUF', 3],
  ['a varint that does not end', extended(field('2880')), 'ERR_PROTOBUF', 3],
  ['a varint of more than 64 bits', extended(field('28ffffffffffffffffff02')), 'ERR_PROTOBUF', 3],
  ['a varint of eleven bytes', extended(field('288080808080808080808000')), 'ERR_PROTOBUF', 3],
  ['a length of 2^64 - 1', extended(field('1affffffffffffffffff01')), 'ERR_PROTOBUF', 3],
  ['field number 0', extended(field('0001')), 'ERR_PROTOBUF', 3],
  ['a field number of 30 bits', extended(field('808080801001')), 'ERR_PROTOBUF', 3],
  ['wire type 6', extended(field('3e')), 'ERR_PROTOBUF', 3],
  ['wire type 7', extended(field('3f')), 'ERR_PROTOBUF', 3],
  ['a group that does not end', extended(field('93032801')), 'ERR_PROTOBUF', 3],
  ['a group that ends as another', extended(field('93039c03')), 'ERR_PROTOBUF', 3],
  ['the end of a group that has no start', extended(field('9403')), 'ERR_PROTOBUF', 3],
  ['groups in groups without end', extended(new Uint8Array(20_000).fill(0x0b)), 'ERR_PROTOBUF', 3],
  ['a payload cut short', extended(bytesField(PAYLOAD.channel, field('12050a'))), 'ERR_PROTOBUF', 3],
  [
    'a text of the payload that is not UTF-8',
    extended(bytesField(PAYLOAD.channel, field('12030a01ff'))),
    'ERR_PROTOBUF',
    3,
  ],
  ['packed numbers that do not end', extended(bytesField(7, bytesField(2, field('0180')))), 'ERR_PROTOBUF', 3],
  [
    'an entry of a map that is no message',
    extended(bytesField(PAYLOAD.userInbox, bytesField(3, bytesField(4, field('0a05'))))),
    'ERR_PROTOBUF',
    3,
  ],
  ['pins in pins without end', extended(nestedPins(200)), 'ERR_PROTOBUF', 3],
  [
    'a creator that is a varint on the wire: none',
    seal(ALICE, concatBytes(field('0801'), eventBytes({ creatorAddress: EMPTY }))),
    'ERR_EVENT_SIGNATURE',
    22,
  ],
  [
    'an expiry of eight bytes on the wire: none, so another than was signed',
    seal(DEVICE, concatBytes(delegatedBytes(LATER_MS, { delegateExpiryEpochMs: 0n }), field('3100204aa9d1010000'))),
    'ERR_WALLET_SIGNATURE',
    22,
  ],
  ['garbage', seal(ALICE, utf8('certainly no protobuf')), 'ERR_PROTOBUF', 3],
];

describe('parseEvent refuses', () => {
  for (const [name, envelope, code, river] of REFUSED) {
    it(`${name}: ${code}`, () => {
      assert.throws(
        () => parseEvent(envelope),
        (error) => error instanceof MeshError && error.code === code && errorEntry(error.code).river === river,
      );
    });
  }

  it('an event larger than the limit', () => {
    const large = eventBytes({ payload: channelMessage('x'.repeat(EVENT_BYTES_MAX)) });
    assert.throws(() => parseEvent(seal(ALICE, large)), { code: 'ERR_PROTOBUF' });
  });

  it('before the signature what the hash shows, before the form what the signature shows', () => {
    const broken = concatBytes(eventBytes(), field('28'));
    assert.throws(() => parseEvent({ ...seal(MALLORY, broken), hash: zeros }), { code: 'ERR_EVENT_HASH' });
    assert.throws(() => parseEvent({ ...seal(MALLORY, broken), signature: zeros }), { code: 'ERR_EVENT_RECOVERY' });
    assert.throws(() => parseEvent(seal(MALLORY, broken)), { code: 'ERR_PROTOBUF' });
  });
});

describe('parseEvent accepts', () => {
  it('an event that its creator signed', () => {
    const parsed = parseEvent(GOOD);
    assert.deepEqual(parsed.signer, ALICE.address);
    assert.equal(parsed.isDelegated, false);
    assert.deepEqual(parsed.hash, riverHash(GOOD.event));
  });

  it('what sealEvent signs', () => {
    const sealed = sealEvent(ALICE, STREAM_EVENT.decode(eventBytes()));
    assert.deepEqual(sealed, GOOD);
    assert.deepEqual(parseEvent(sealed).signerKey, ALICE.publicKey);
  });

  it('an event that a device signed under its delegate', () => {
    const parsed = parseEvent(DELEGATED);
    assert.deepEqual(parsed.signer, DEVICE.address);
    assert.deepEqual(parsed.event.creatorAddress, ALICE.address);
    assert.equal(parsed.isDelegated, true);
  });

  it('a delegate with v 0 or 1, as signers write it that are no wallets', () => {
    const v = (goodDelegate[64] as number) - 27;
    parseEvent(delegateSigned(withV(goodDelegate, v)));
  });

  it('a delegate of a wallet for itself', () => {
    const { signature } = signWalletDelegate(ALICE, ALICE.publicKey, LATER_MS);
    parseEvent(seal(ALICE, delegatedBytes(LATER_MS, { delegateSig: signature })));
  });

  it('the high-s twins of both signatures, as the same event', () => {
    const twin = parseEvent({ ...GOOD, signature: highTwin(GOOD.signature) });
    assert.deepEqual(twin.hash, parseEvent(GOOD).hash);
    assert.deepEqual(twin.signer, ALICE.address);
    parseEvent(delegateSigned(highTwin(goodDelegate)));
  });

  for (const [name, more] of [
    ['a field that nobody knows', 'f23f0568656c6c6f'],
    ['a number that nobody knows', 'e03f01'],
    ['fixed-width fields that nobody knows', 'e13f0102030405060708e53f01020304'],
    ['a group that nobody knows', '930328019403'],
    ['groups in a group', '93039b0328019c039403'],
    ['an overlong varint', '28818000'],
    ['numbers one by one that may come packed', '3a021001'],
  ] as const) {
    it(`${name}, signed with the rest`, () => {
      const envelope = extended(field(more));
      const parsed = parseEvent(envelope);
      assert.deepEqual(parsed.hash, riverHash(envelope.event));
      assert.equal(parsed.event.payload?.number, PAYLOAD.channel);
    });
  }

  for (const [name, more] of [
    ['a salt that is a varint', '1801'],
    ['a creator that is a varint, beside the creator', '0801'],
    ['a time that is bytes', '2a0101'],
    ['a time of eight bytes', '290102030405060708'],
    ['a payload that is a varint', 'b80601'],
    ['a payload that is a group', 'bb06bc06'],
    ['a text deep in the payload that is a varint', 'ba060412020801'],
    ['an entry of a map that is a varint', 'da06041a022001'],
  ] as const) {
    it(`${name} on the wire, as a field that nobody knows`, () => {
      const envelope = extended(field(more));
      const { event, hash, envelope: kept } = parseEvent(envelope);
      const { payload: _payload, ...members } = STREAM_EVENT.decode(eventBytes());
      const { payload: _other, ...read } = event;
      assert.deepEqual(read, members);
      assert.deepEqual([hash, kept], [riverHash(envelope.event), envelope]);
    });
  }

  it('the last of a field that comes twice', () => {
    const twice = concatBytes(bytesField(1, MALLORY.address), eventBytes(), varintField(5, 7n), varintField(5, 8n));
    assert.equal(parseEvent(seal(ALICE, twice)).event.createdAtEpochMs, 8n);
    const impostor = concatBytes(eventBytes(), bytesField(1, MALLORY.address));
    assert.throws(() => parseEvent(seal(ALICE, impostor)), { code: 'ERR_EVENT_SIGNATURE' });
    parseEvent(seal(MALLORY, impostor));
  });

  it('the last payload of two, and one payload in two parts', () => {
    const member = bytesField(PAYLOAD.member, EMPTY);
    assert.equal(parseEvent(extended(member)).event.payload?.number, PAYLOAD.member);
    assert.equal(parseEvent(extended(bytesField(PAYLOAD.channel, EMPTY))).event.payload?.parts.length, 2);
  });

  it('fields in any order', () => {
    const { salt, ...rest } = STREAM_EVENT.decode(eventBytes());
    const shuffled = concatBytes(STREAM_EVENT.encode({ salt }), STREAM_EVENT.encode(rest));
    parseEvent(seal(ALICE, shuffled));
  });

  it('an envelope with fields that nobody knows, and keeps nothing of them', () => {
    const envelope = ENVELOPE.decode(concatBytes(ENVELOPE.encode(GOOD), field('f23f0568656c6c6f')));
    assert.deepEqual(parseEvent(envelope).envelope, GOOD);
  });
});

describe('expiry of an event', () => {
  const delegated = parseEvent(DELEGATED);
  const forever = parseEvent(seal(DEVICE, delegatedBytes(0n)));

  it('holds up to the last millisecond before it', () => judgeEventExpiry(delegated, at(LATER_MS - 1n), 'refused'));

  it('has passed when it is now', () => {
    assert.throws(() => judgeEventExpiry(delegated, at(LATER_MS), 'allowed'), { code: 'ERR_WALLET_EXPIRED' });
    assert.equal(errorEntry('ERR_WALLET_EXPIRED').river, 7);
  });

  it('is mandatory unless River compatibility is asked for', () => {
    assert.throws(() => judgeEventExpiry(forever, at(0n), 'refused'), { code: 'ERR_WALLET_FOREVER' });
    assert.equal(errorEntry('ERR_WALLET_FOREVER').river, 7);
    judgeEventExpiry(forever, at(LATER_MS), 'allowed');
  });

  it('is too far away for a clock that shows 1970, and for any unless compatibility is asked for', () => {
    for (const now of [0n, LATER_MS - BigInt(WALLET_DELEGATE_MS_MAX) - 1n])
      assert.throws(() => judgeDelegateLife(LATER_MS, at(now), 'refused'), { code: 'ERR_WALLET_LIFETIME' });
    judgeDelegateLife(LATER_MS, at(LATER_MS - BigInt(WALLET_DELEGATE_MS_MAX)), 'refused');
    judgeDelegateLife(LATER_MS, at(0n), 'allowed');
    assert.equal(errorEntry('ERR_WALLET_LIFETIME').river, 7);
  });

  it('is none where the creator signs itself', () => judgeEventExpiry(parseEvent(GOOD), at(LATER_MS), 'refused'));

  it('counts without a delegate too where it is set, as in River', () => {
    const direct = parseEvent(seal(ALICE, eventBytes({ delegateExpiryEpochMs: 5n })));
    assert.throws(() => judgeEventExpiry(direct, at(5n), 'allowed'), { code: 'ERR_WALLET_EXPIRED' });
  });

  it('compares 64-bit expiries exactly', () => {
    const far = parseEvent(seal(DEVICE, delegatedBytes(2n ** 63n - 1n)));
    judgeEventExpiry(far, at(LATER_MS), 'refused');
  });
});

function flip(bytes: Bytes, at: number): Bytes {
  return bytes.with(at, (bytes[at] as number) ^ 1);
}

function part(bytes: Bytes, at: number, replacement: Bytes): Bytes {
  const out = new Uint8Array(bytes);
  out.set(replacement, at);
  return out;
}

/** An event that pins an event that pins … */
function nestedPins(depth: number): Bytes {
  let event: Bytes = EMPTY;
  for (let i = 0; i < depth; i++) event = bytesField(PAYLOAD.member, bytesField(8, bytesField(2, event)));
  return event;
}
