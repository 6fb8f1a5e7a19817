import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { concatBytes, fromHex, toHex } from '../../src/base/bytes.ts';
import { isMeshError } from '../../src/base/errors.ts';
import { CborWriter } from '../../src/codec/cbor-writer.ts';
import { parseAddress } from '../../src/message/payloads/address.ts';
import { RECORD_BYTES_MAX } from '../../src/message/limits.ts';
import {
  ADDRESSES_MAX,
  encodeNodeRecord,
  NAME_BYTES_MAX,
  type NodeRecord,
  parseNodeRecord,
  RECORD_STREAMS_MAX,
  VERSION_BYTES_MAX,
} from '../../src/message/payloads/node-record.ts';

const RECORD: NodeRecord = {
  addresses: [parseAddress('10.0.0.1:4433'), parseAddress('[fe80::1]:4433')],
  name: 'gate 7',
  version: '0.1.0',
  streams: [{ incarnation: 1_800_000_000, firstLive: 3, next: 9 }],
};

const empty = (): CborWriter => new CborWriter().map(4).text('name').text('').text('addrs').array(0);

/** A record whose name and version have so many bytes. */
const named = (nameBytes: number, versionBytes: number): Uint8Array =>
  encodeNodeRecord({ addresses: [], name: 'x'.repeat(nameBytes), version: 'x'.repeat(versionBytes), streams: [] });

describe('node record', () => {
  it('has one encoding, with its keys in the order of RFC 8949 section 4.2.1', () => {
    const bytes = encodeNodeRecord(RECORD);
    assert.deepEqual(parseNodeRecord(bytes), RECORD);
    assert.equal(toHex(encodeNodeRecord(parseNodeRecord(bytes))), toHex(bytes));
    const text = Buffer.from(bytes).toString('latin1');
    const places = ['name', 'addrs', 'streams', 'version'].map((key) => text.indexOf(key));
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
  });

  it('leaves out what does not fit: addresses at the end, and streams at the beginning', () => {
    const many = {
      ...RECORD,
      addresses: Array.from({ length: ADDRESSES_MAX + 4 }, (_, i) => parseAddress(`10.0.0.${i}:1`)),
      streams: Array.from({ length: RECORD_STREAMS_MAX + 4 }, (_, i) => ({ incarnation: i, firstLive: 0, next: 1 })),
    };
    const read = parseNodeRecord(encodeNodeRecord(many));
    assert.deepEqual(read.addresses, many.addresses.slice(0, ADDRESSES_MAX));
    assert.deepEqual(read.streams, many.streams.slice(4));
  });

  it('takes a name and a version of all the bytes that they may have', () => {
    const { name, version } = parseNodeRecord(named(NAME_BYTES_MAX, VERSION_BYTES_MAX));
    assert.deepEqual([name.length, version.length], [NAME_BYTES_MAX, VERSION_BYTES_MAX]);
  });

  for (const [name, bytes] of [
    ['nothing', new Uint8Array(0)],
    ['more than a record may have', new Uint8Array(RECORD_BYTES_MAX + 1)],
    ['a byte behind it', concatBytes(encodeNodeRecord(RECORD), fromHex('00'))],
    [
      'three members',
      new CborWriter().map(3).text('name').text('').text('addrs').array(0).text('streams').array(0).finish(),
    ],
    [
      'keys in the order of their text',
      new CborWriter()
        .map(4)
        .text('addrs')
        .array(0)
        .text('name')
        .text('')
        .text('streams')
        .array(0)
        .text('version')
        .text('')
        .finish(),
    ],
    ['another key', empty().text('streamz').array(0).text('version').text('').finish()],
    [
      'too many addresses',
      new CborWriter()
        .map(4)
        .text('name')
        .text('')
        .text('addrs')
        .array(ADDRESSES_MAX + 1)
        .finish(),
    ],
    [
      'an address without a port',
      new CborWriter()
        .map(4)
        .text('name')
        .text('')
        .text('addrs')
        .array(1)
        .text('host')
        .text('streams')
        .array(0)
        .text('version')
        .text('')
        .finish(),
    ],
    [
      'too many streams',
      empty()
        .text('streams')
        .array(RECORD_STREAMS_MAX + 1)
        .finish(),
    ],
    [
      'a stream of two numbers',
      empty().text('streams').array(1).array(2).uint(1).uint(2).text('version').text('').finish(),
    ],
    [
      'a negative incarnation',
      empty().text('streams').array(1).array(3).int(-1).uint(2).uint(3).text('version').text('').finish(),
    ],
    ['a name that is too long', named(NAME_BYTES_MAX + 1, 0)],
    ['a version that is too long', named(0, VERSION_BYTES_MAX + 1)],
  ] as const)
    it(`refuses ${name}`, () => assert.throws(() => parseNodeRecord(bytes), { code: 'ERR_MESSAGE_PAYLOAD' }));

  it('with bytes changed is another record or none (T17)', () => {
    const original = encodeNodeRecord(RECORD);
    fc.assert(
      fc.property(fc.nat(original.length - 1), fc.uint8Array({ maxLength: 3 }), fc.nat(3), (at, put, take) => {
        const bytes = concatBytes(original.slice(0, at), put, original.slice(Math.min(original.length, at + take)));
        try {
          assert.equal(toHex(encodeNodeRecord(parseNodeRecord(bytes))), toHex(bytes));
        } catch (error) {
          if (!isMeshError(error)) throw error;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
