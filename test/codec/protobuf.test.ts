import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { AddEventRequestSchema, SyncCookieSchema } from '@towns-protocol/proto/dist/gen/protocol_pb.js';
import fc from 'fast-check';
import { type Bytes, EMPTY, fromHex, toHex } from '../../src/base/bytes.ts';
import {
  bool,
  bytesOf,
  int64,
  type MessageOf,
  MessageSchema,
  messageOf,
  optionalBytes,
  optionalInt64,
  repeatedBytes,
  repeatedMessage,
  textOf,
} from '../../src/codec/protobuf-message.ts';
import {
  bytesField,
  FIELD_NUMBER_MAX,
  PROTOBUF_DEPTH_MAX,
  ProtobufReader,
  readVarint,
  VARINT_BYTES_MAX,
  varintField,
} from '../../src/codec/protobuf-wire.ts';
import { ENVELOPE } from '../../src/message/river/envelope.ts';

const COOKIE = new MessageSchema<{
  nodeAddress: Bytes;
  streamId: Bytes;
  minipoolGen: bigint;
  prevMiniblockHash: Bytes;
}>({ nodeAddress: bytesOf(1), streamId: bytesOf(2), minipoolGen: int64(3), prevMiniblockHash: bytesOf(5) });

const INNER = new MessageSchema<{ text: string; bytes: Bytes }>({ text: textOf(1), bytes: bytesOf(2) });
const EVERY = new MessageSchema<{
  bytes: Bytes;
  optional: Bytes | undefined;
  number: bigint;
  maybe: bigint | undefined;
  flag: boolean;
  inner: MessageOf<typeof INNER> | undefined;
  many: readonly MessageOf<typeof INNER>[];
  blobs: readonly Bytes[];
}>({
  bytes: bytesOf(1),
  optional: optionalBytes(2),
  number: int64(3),
  maybe: optionalInt64(4),
  flag: bool(5),
  inner: messageOf(6, INNER),
  many: repeatedMessage(7, INNER),
  blobs: repeatedBytes(8),
});

const anyBytes = fc.uint8Array({ maxLength: 40 });
const anyInner = fc.record({ text: fc.string({ unit: 'grapheme' }), bytes: anyBytes }, { noNullPrototype: true });
const anyInt64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe('messages of Protocol Buffers', () => {
  it('are bytes of @bufbuild/protobuf, and the other way about', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, anyInt64, anyBytes, (nodeAddress, streamId, minipoolGen, prevMiniblockHash) => {
        const members = { nodeAddress, streamId, minipoolGen, prevMiniblockHash };
        const theirs = create(SyncCookieSchema, members);
        assert.equal(toHex(COOKIE.encode(members)), toHex(toBinary(SyncCookieSchema, theirs)));
        assert.deepEqual(COOKIE.decode(toBinary(SyncCookieSchema, theirs)), members);
        assert.deepEqual(COOKIE.toJson(members), toJson(SyncCookieSchema, theirs));
        assert.deepEqual(COOKIE.fromJson(toJson(SyncCookieSchema, theirs)), members);
      }),
    );
  });

  it('come back from their bytes and from their JSON', () => {
    const anyMessage = fc.record(
      {
        bytes: anyBytes,
        optional: fc.option(anyBytes, { nil: undefined }),
        number: anyInt64,
        maybe: fc.option(anyInt64, { nil: undefined }),
        flag: fc.boolean(),
        inner: fc.option(anyInner, { nil: undefined }),
        many: fc.array(anyInner),
        blobs: fc.array(anyBytes),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(anyMessage, (message) => {
        assert.deepEqual(EVERY.decode(EVERY.encode(message)), message);
        assert.deepEqual(EVERY.fromJson(JSON.parse(JSON.stringify(EVERY.toJson(message)))), message);
      }),
    );
  });

  it('merge a message that comes twice, as @bufbuild/protobuf does', () => {
    const twice = new Uint8Array([
      ...bytesField(2, ENVELOPE.encode({ hash: fromHex('01'), event: fromHex('02') })),
      ...bytesField(2, ENVELOPE.encode({ hash: fromHex('03') })),
    ]);
    const theirs = fromBinary(AddEventRequestSchema, twice).event;
    const ours = messageOf(2, ENVELOPE);
    const reader = new ProtobufReader(twice);
    let merged = ours.absent;
    while (reader.next()) merged = ours.read(reader, merged);
    assert.deepEqual(merged, { hash: fromHex('03'), signature: EMPTY, event: fromHex('02') });
    assert.equal(toHex(theirs?.hash ?? EMPTY), '03');
    assert.equal(toHex(theirs?.event ?? EMPTY), '02');
  });

  it('know «empty» from «not sent» where the field is optional', () => {
    const { optional, maybe } = EVERY.decode(fromHex('12002000'));
    assert.deepEqual([optional, maybe], [EMPTY, 0n]);
    assert.equal(toHex(EVERY.encode({ optional: EMPTY, maybe: 0n, bytes: EMPTY, number: 0n })), '12002000');
  });

  it('read a negative number from ten bytes', () => {
    assert.equal(EVERY.decode(fromHex('18ffffffffffffffffff01')).number, -1n);
    assert.equal(toHex(varintField(3, -1n)), '18ffffffffffffffffff01');
  });

  it('take messages and groups in each other to the limit, and not one more', () => {
    new ProtobufReader(EMPTY, PROTOBUF_DEPTH_MAX);
    assert.throws(() => new ProtobufReader(EMPTY, PROTOBUF_DEPTH_MAX + 1), { code: 'ERR_PROTOBUF' });
    const groups = (depth: number): Bytes => new Uint8Array(2 * depth).fill(0x0b, 0, depth).fill(0x0c, depth);
    assert.ok(new ProtobufReader(groups(PROTOBUF_DEPTH_MAX)).next());
    assert.throws(() => new ProtobufReader(groups(PROTOBUF_DEPTH_MAX + 1)).next(), { code: 'ERR_PROTOBUF' });
  });

  it('have fields to the largest number, and varints to the longest, and not one more', () => {
    assert.ok(new ProtobufReader(varintField(FIELD_NUMBER_MAX, 1n)).next());
    assert.throws(() => new ProtobufReader(varintField(FIELD_NUMBER_MAX + 1, 1n)).next(), { code: 'ERR_PROTOBUF' });
    const varint = (length: number): Bytes => new Uint8Array(length).fill(0x80).with(length - 1, 0);
    assert.deepEqual(readVarint(varint(VARINT_BYTES_MAX), 0), { value: 0n, end: VARINT_BYTES_MAX });
    assert.throws(() => readVarint(varint(VARINT_BYTES_MAX + 1), 0), { code: 'ERR_PROTOBUF' });
  });

  it('cost no more than their bytes: many parts of one field', () => {
    const many = new Uint8Array(400_000).fill(0);
    for (let i = 0; i < many.length; i += 2) many[i] = 0x42;
    assert.equal(EVERY.decode(many).blobs.length, 200_000);
  });
});

describe('JSON of Protocol Buffers', () => {
  it('takes both alphabets of base64, with padding and without', () => {
    for (const text of ['+/8=', '+/8', '-_8=', '-_8']) {
      assert.equal(toHex(EVERY.fromJson({ bytes: text }).bytes), 'fbff', text);
    }
  });

  it('takes numbers as text or exact numbers, names of either kind, and null for nothing', () => {
    assert.equal(COOKIE.fromJson({ minipool_gen: 7, node_address: null, unknown: [1] }).minipoolGen, 7n);
    assert.equal(COOKIE.fromJson({ minipoolGen: '-9223372036854775808' }).minipoolGen, -(2n ** 63n));
  });

  for (const [name, json] of [
    ['an array for a message', []],
    ['text for a message', 'x'],
    ['null for a message', null],
    ['a number for bytes', { bytes: 1 }],
    ['bytes that are no base64', { bytes: '!' }],
    ['both alphabets at once', { bytes: '+_8=' }],
    ['a fraction', { number: 1.5 }],
    ['a number that is not exact', { number: 2 ** 60 }],
    ['a number of 65 bits', { number: '18446744073709551616' }],
    ['hex for a number', { number: '0x1' }],
    ['text for a flag', { flag: 'true' }],
    ['an object for a list', { many: {} }],
    ['a lone surrogate', { inner: { text: '\ud800' } }],
  ] as const) {
    it(`refuses ${name}`, () => assert.throws(() => EVERY.fromJson(json), { code: 'ERR_PROTOBUF' }));
  }
});
