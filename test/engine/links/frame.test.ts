import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Bytes, concatBytes, fromHex, toHex } from '../../../src/base/bytes.ts';
import { isMeshError } from '../../../src/base/errors.ts';
import { CborWriter } from '../../../src/codec/cbor-writer.ts';
import { RANGES_MAX } from '../../../src/engine/held/counter-ranges.ts';
import {
  BYE_REASONS,
  CHAINS_ASKED_MAX,
  CRL_HEADERS_MAX,
  CRL_PIECE_BYTES_MAX,
  DIGEST_STREAMS_MAX,
  type Frame,
  FRAME_BYTES_MAX,
  type FrameTag,
  HELLO_ADDRESSES_MAX,
  KEYS_MAX,
} from '../../../src/engine/links/frame.ts';
import { CRL_BYTES_MAX } from '../../../src/pki/x509/crl/crl.ts';
import { MESH_CERTIFICATE_BYTES_MAX, MESH_CHAIN_CERTIFICATES_MAX } from '../../../src/pki/mesh/mesh-profile.ts';
import { decodeFrame, encodeFrame, messageFrameBytes, putMessageFrame } from '../../../src/engine/links/frame-codec.ts';
import { FrameSplitter, PIECES_MAX } from '../../../src/engine/links/frame-splitter.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { parseAddress } from '../../../src/message/payloads/address.ts';
import { MESSAGE_BYTES_MAX } from '../../../src/message/limits.ts';
import { streamKeyOf } from '../../../src/message/message-id.ts';

/** Objects as the program makes them, with a prototype. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
const number = fc.maxSafeNat();
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex);
const crls = fc.array(record({ issuerKeyHash: hash, number, thisUpdate: number }), { maxLength: CRL_HEADERS_MAX });
const label = fc
  .stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
  .filter((t) => t !== 'authority' && t !== 'broadcast');
const ranges = fc
  .uniqueArray(number, { maxLength: 20 })
  .map((bounds) => bounds.toSorted((a, b) => a - b).slice(0, bounds.length - (bounds.length % 2)));

/** Every kind of frame, with whatever it may hold. */
const FRAMES: { readonly [T in FrameTag]: fc.Arbitrary<Extract<Frame, { tag: T }>> } = {
  hello: record({
    tag: fc.constant('hello'),
    version: number,
    mesh: fc.stringMatching(/^[a-z]([a-z0-9]{0,30})$/).map(parseMeshName),
    nodeId: label.map(parseNodeId),
    software: fc.string({ maxLength: 64 }).filter((text) => Buffer.byteLength(text) <= 64),
    addresses: fc.array(fc.constantFrom('10.0.0.1:1', '[::1]:65535', 'gate.example:443').map(parseAddress), {
      maxLength: HELLO_ADDRESSES_MAX,
    }),
    crls,
    heldIncarnation: number,
    windowBytes: number,
  }),
  delegate: record({ tag: fc.constant('delegate'), statement: fc.uint8Array({ maxLength: 512 }) }),
  message: record({ tag: fc.constant('message'), bytes: fc.uint8Array({ maxLength: 500 }) }),
  have: record({ tag: fc.constant('have'), keys: fc.array(hash, { maxLength: 20 }) }),
  want: record({ tag: fc.constant('want'), keys: fc.array(hash, { maxLength: 20 }) }),
  pull: record({
    tag: fc.constant('pull'),
    id: number,
    summary: fc.uint8Array({ minLength: 8, maxLength: 8 }).map(toHex),
    crls,
  }),
  'pull-same': record({ tag: fc.constant('pull-same'), id: number }),
  'pull-differs': record({ tag: fc.constant('pull-differs'), id: number }),
  digest: record({
    tag: fc.constant('digest'),
    id: number,
    from: fc.constantFrom('', 'a.1'),
    to: fc.constantFrom('', 'b.2'),
    last: fc.boolean(),
    streams: fc.array(
      record({ key: fc.tuple(label.map(parseNodeId), number).map((pair) => streamKeyOf(...pair)), ranges }),
      { maxLength: 10 },
    ),
  }),
  'pull-done': record({ tag: fc.constant('pull-done'), id: number, more: fc.boolean() }),
  'want-chains': record({
    tag: fc.constant('want-chains'),
    voucherIds: fc.array(hash, { maxLength: CHAINS_ASKED_MAX }),
  }),
  chain: record({
    tag: fc.constant('chain'),
    certificates: fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: MESH_CHAIN_CERTIFICATES_MAX }),
  }),
  crls: record({ tag: fc.constant('crls'), crls }),
  'want-crl': record({ tag: fc.constant('want-crl'), issuerKeyHash: hash, number, offset: number }),
  'crl-piece': record({
    issuerKeyHash: hash,
    number,
    offset: fc.nat(1_000),
    bytes: fc.uint8Array({ maxLength: 300 }),
    behind: fc.nat(1_000),
  }).map(({ behind, ...piece }) => ({ tag: 'crl-piece', ...piece, total: piece.offset + piece.bytes.length + behind })),
  credit: record({ tag: fc.constant('credit'), bytes: number }),
  ping: fc.constant({ tag: 'ping' }),
  pong: fc.constant({ tag: 'pong' }),
  bye: record({ tag: fc.constant('bye'), reason: fc.constantFrom(...BYE_REASONS) }),
};

const anyFrame: fc.Arbitrary<Frame> = fc.oneof(...(Object.values(FRAMES) as fc.Arbitrary<Frame>[]));

const body = (frame: Frame): Bytes => encodeFrame(frame).slice(4);
const written = (type: number, items: number, rest: (w: CborWriter) => CborWriter = (w) => w): Bytes =>
  rest(new CborWriter().array(items).uint(type)).finish();
const HASH = new Uint8Array(32);
const hashes =
  (count: number) =>
  (w: CborWriter): CborWriter => {
    w.array(count);
    for (let i = 0; i < count; i++) w.bytes(HASH);
    return w;
  };
const hello = (change: (w: CborWriter) => CborWriter): Bytes => written(1, 9, change);

const MALFORMED: readonly (readonly [name: string, bytes: Bytes])[] = [
  ['nothing', new Uint8Array(0)],
  ['no array', fromHex('01')],
  ['an array of none', fromHex('80')],
  ['type 0', written(0, 1)],
  ['a type that does not exist', written(19, 1)],
  ['a type as text', new CborWriter().array(1).text('ping').finish()],
  ['a ping with something in it', written(16, 2, (w) => w.uint(1))],
  ['a ping with something behind it', concatBytes(written(16, 1), fromHex('00'))],
  ['an item less than its type has', written(5, 3, (w) => w.uint(1).bytes(new Uint8Array(8)))],
  ['more items than any frame has', written(1, 10)],
  ['a message beyond every message', written(2, 2, (w) => w.bytes(new Uint8Array(MESSAGE_BYTES_MAX + 1)))],
  ['a message as text', written(2, 2, (w) => w.text('x'))],
  ['513 keys', written(3, 2, hashes(KEYS_MAX + 1))],
  ['a key of 31 bytes', written(4, 2, (w) => w.array(1).bytes(HASH.slice(1)))],
  ['a summary of 7 bytes', written(5, 4, (w) => w.uint(1).bytes(new Uint8Array(7)).array(0))],
  ['a negative id', written(6, 2, (w) => w.int(-1))],
  [
    '201 streams',
    written(8, 6, (w) =>
      w
        .uint(1)
        .text('')
        .text('')
        .bool(true)
        .array(DIGEST_STREAMS_MAX + 1),
    ),
  ],
  [
    '65 ranges',
    written(8, 6, (w) =>
      w
        .uint(1)
        .text('')
        .text('')
        .bool(true)
        .array(1)
        .array(2)
        .text('a.1')
        .array(2 * RANGES_MAX + 1),
    ),
  ],
  [
    'half a range',
    written(8, 6, (w) => w.uint(1).text('').text('').bool(true).array(1).array(2).text('a.1').array(1).uint(1)),
  ],
  [
    'an empty range',
    written(8, 6, (w) => w.uint(1).text('').text('').bool(true).array(1).array(2).text('a.1').array(2).uint(1).uint(1)),
  ],
  [
    'ranges that fall',
    written(8, 6, (w) => w.uint(1).text('').text('').bool(true).array(1).array(2).text('a.1').array(2).uint(5).uint(1)),
  ],
  [
    'a stream key of 101 bytes',
    written(8, 6, (w) => w.uint(1).text('').text('').bool(true).array(1).array(2).text('a'.repeat(101))),
  ],
  ['33 chains asked for', written(10, 2, hashes(CHAINS_ASKED_MAX + 1))],
  ['five certificates', written(11, 2, (w) => w.array(MESH_CHAIN_CERTIFICATES_MAX + 1))],
  [
    'a certificate beyond its size',
    written(11, 2, (w) => w.array(1).bytes(new Uint8Array(MESH_CERTIFICATE_BYTES_MAX + 1))),
  ],
  ['nine CRL numbers', written(12, 2, (w) => w.array(CRL_HEADERS_MAX + 1))],
  ['a CRL number in two parts', written(12, 2, (w) => w.array(1).array(2).bytes(HASH).uint(1))],
  [
    'a piece beyond its list',
    written(14, 6, (w) => w.bytes(HASH).uint(1).uint(90).uint(100).bytes(new Uint8Array(11))),
  ],
  [
    'a list beyond all lists',
    written(14, 6, (w) =>
      w
        .bytes(HASH)
        .uint(1)
        .uint(0)
        .uint(CRL_BYTES_MAX + 1)
        .bytes(HASH),
    ),
  ],
  [
    'a piece beyond all pieces',
    written(14, 6, (w) =>
      w
        .bytes(HASH)
        .uint(1)
        .uint(0)
        .uint(CRL_BYTES_MAX)
        .bytes(new Uint8Array(CRL_PIECE_BYTES_MAX + 1)),
    ),
  ],
  ['a negative credit', written(15, 2, (w) => w.int(-1))],
  ['a goodbye for a reason unknown', written(18, 2, (w) => w.text('because'))],
  [
    'a hello of a mesh that has no name',
    hello((w) => w.uint(1).text('').text('n').text('').array(0).array(0).uint(0).uint(0)),
  ],
  ['a hello of no node id', hello((w) => w.uint(1).text('m').text('N').text('').array(0).array(0).uint(0).uint(0))],
  [
    'a hello with an address that is none',
    hello((w) => w.uint(1).text('m').text('n').text('').array(1).text('x').array(0).uint(0).uint(0)),
  ],
  ['a hello with 65 bytes of software', hello((w) => w.uint(1).text('m').text('n').text('x'.repeat(65)))],
];

describe('frames', () => {
  for (const [tag, frames] of Object.entries(FRAMES))
    it(`${tag}: is read as it was written, and has one encoding`, () => {
      fc.assert(
        fc.property(frames as fc.Arbitrary<Frame>, (frame) => {
          const bytes = encodeFrame(frame);
          assert.equal(new DataView(bytes.buffer).getUint32(0), bytes.length - 4);
          const read = decodeFrame(bytes.slice(4));
          assert.deepEqual(read, frame);
          assert.deepEqual(encodeFrame(read), bytes);
        }),
      );
    });

  it('of messages are written into what goes out as by themselves, whatever their length', () => {
    for (const length of [0, 23, 24, 255, 256, MESSAGE_BYTES_MAX]) {
      const bytes = new Uint8Array(length).fill(7);
      const frame = encodeFrame({ tag: 'message', bytes });
      const out = new Uint8Array(2 + messageFrameBytes(bytes));
      assert.equal(putMessageFrame(out, 2, bytes), out.length);
      assert.deepEqual(out.slice(2), frame);
    }
  });

  for (const [name, bytes] of MALFORMED)
    it(`refuses ${name}`, () => assert.throws(() => decodeFrame(bytes), isMeshError));

  it('of hello name so many addresses and lists, and not one more', () => {
    const said = (addresses: number, lists: number): Frame => ({
      tag: 'hello',
      version: 1,
      mesh: parseMeshName('m'),
      nodeId: parseNodeId('n'),
      software: '',
      addresses: Array.from({ length: addresses }, () => parseAddress('10.0.0.1:1')),
      crls: Array.from({ length: lists }, () => ({ issuerKeyHash: 'ff'.repeat(32), number: 1, thisUpdate: 1 })),
      heldIncarnation: 0,
      windowBytes: 0,
    });
    const full = said(HELLO_ADDRESSES_MAX, CRL_HEADERS_MAX);
    assert.deepEqual(decodeFrame(body(full)), full);
    for (const more of [said(HELLO_ADDRESSES_MAX + 1, 0), said(0, CRL_HEADERS_MAX + 1)])
      assert.throws(() => decodeFrame(body(more)), isMeshError);
  });

  it('with any bytes changed are other frames or none (T17)', () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(), fc.uint8Array({ maxLength: 3 }), fc.nat(3), (frame, place, put, take) => {
        const good = body(frame);
        const at = place % good.length;
        const bytes = concatBytes(good.slice(0, at), put, good.slice(Math.min(good.length, at + take)));
        try {
          assert.deepEqual(body(decodeFrame(bytes)), bytes);
        } catch (error) {
          if (!isMeshError(error)) throw error;
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('have room for what each of them may hold at most', () => {
    const key = 'ff'.repeat(32);
    const longest: readonly Frame[] = [
      { tag: 'message', bytes: new Uint8Array(MESSAGE_BYTES_MAX) },
      { tag: 'have', keys: Array.from({ length: KEYS_MAX }, () => key) },
      {
        tag: 'chain',
        certificates: Array.from(
          { length: MESH_CHAIN_CERTIFICATES_MAX },
          () => new Uint8Array(MESH_CERTIFICATE_BYTES_MAX),
        ),
      },
      {
        tag: 'crl-piece',
        issuerKeyHash: key,
        number: 1,
        offset: 0,
        total: CRL_BYTES_MAX,
        bytes: new Uint8Array(CRL_PIECE_BYTES_MAX),
      },
    ];
    for (const frame of longest) assert.equal(decodeFrame(body(frame)).tag, frame.tag);
  });

  it('that are larger than a frame may be are a bug of ours, not sent', () => {
    const ranges = Array.from({ length: 2 * RANGES_MAX }, (_, i) => 2 ** 40 + i);
    const streams = Array.from({ length: DIGEST_STREAMS_MAX }, (_, i) => ({
      key: streamKeyOf(parseNodeId('n'.repeat(60)), i),
      ranges,
    }));
    assert.throws(() => encodeFrame({ tag: 'digest', id: 1, from: '', to: '', last: true, streams }), RangeError);
  });
});

describe('frame splitter', () => {
  const bodiesOf = (pieces: readonly Bytes[]): string[] => {
    const splitter = new FrameSplitter();
    const bodies = pieces.flatMap((piece) => splitter.push(piece)).map(toHex);
    assert.equal(splitter.pendingBytes, 0);
    return bodies;
  };

  it('gives the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(200), { maxLength: 30 }),
        (frames, cuts) => {
          const stream = concatBytes(...frames.map(encodeFrame));
          const pieces: Bytes[] = [];
          let at = 0;
          for (const length of [...cuts, stream.length]) {
            pieces.push(stream.slice(at, at + length));
            at += length;
          }
          assert.deepEqual(
            bodiesOf(pieces),
            frames.map((frame) => toHex(body(frame))),
          );
        },
      ),
    );
  });

  it('keeps a frame that comes a byte at a time in few pieces (T17)', () => {
    const splitter = new FrameSplitter();
    const whole = new Uint8Array(4 + FRAME_BYTES_MAX).fill(7);
    new DataView(whole.buffer).setUint32(0, FRAME_BYTES_MAX);
    let bodies: Bytes[] = [];
    for (let at = 0; at < whole.length; at++) {
      bodies = splitter.push(whole.slice(at, at + 1));
      assert.ok(splitter.pendingPieces <= PIECES_MAX, `${splitter.pendingPieces} pieces of ${at} bytes`);
    }
    assert.deepEqual(bodies, [whole.subarray(4)]);
  });

  it('takes a stream byte by byte', () => {
    const frames: readonly Frame[] = [{ tag: 'ping' }, { tag: 'message', bytes: new Uint8Array(300) }, { tag: 'pong' }];
    const stream = concatBytes(...frames.map(encodeFrame));
    assert.deepEqual(
      bodiesOf(Array.from(stream, (byte) => Uint8Array.of(byte))),
      frames.map((frame) => toHex(body(frame))),
    );
  });

  for (const [name, length] of [
    ['an empty frame', 0],
    ['a frame one byte too large', FRAME_BYTES_MAX + 1],
    ['a frame of four gigabytes', 0xffff_ffff],
  ] as const)
    it(`refuses ${name} as soon as its length is there`, () => {
      const head = new Uint8Array(4);
      new DataView(head.buffer).setUint32(0, length);
      const splitter = new FrameSplitter();
      splitter.push(head.slice(0, 3));
      assert.throws(() => splitter.push(head.slice(3)), { code: 'ERR_CBOR' });
    });

  it('holds no more than has come, whatever a length promises', () => {
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, FRAME_BYTES_MAX);
    const splitter = new FrameSplitter();
    splitter.push(head);
    for (let i = 1; i <= 100; i++) {
      assert.deepEqual(splitter.push(Uint8Array.of(0)), []);
      assert.equal(splitter.pendingBytes, 4 + i);
    }
  });

  it('costs a peer that sends byte by byte no more than one that does not', () => {
    const splitter = new FrameSplitter();
    const frame = encodeFrame({ tag: 'chain', certificates: [new Uint8Array(8_000), new Uint8Array(8_000)] });
    const bodies = Array.from(frame, (byte) => splitter.push(Uint8Array.of(byte))).flat();
    assert.deepEqual(bodies.map(toHex), [toHex(frame.slice(4))]);
  });
});
