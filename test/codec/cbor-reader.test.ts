import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromHex } from '../../src/base/bytes.ts';
import { isMeshError } from '../../src/base/errors.ts';
import { CborReader } from '../../src/codec/cbor-reader.ts';
import { CborWriter } from '../../src/codec/cbor-writer.ts';

type Read = (reader: CborReader) => unknown;

const uint: Read = (r) => r.uint();
const int: Read = (r) => r.int();
const bytes: Read = (r) => r.bytes(100);
const text: Read = (r) => r.text(100);
const array: Read = (r) => r.array(100);
const map: Read = (r) => r.map(100);
const tag: Read = (r) => r.tag(24);
const bool: Read = (r) => r.bool();

/** Encodings that another decoder takes, or that lie about themselves. */
const REFUSED: readonly (readonly [name: string, hex: string, read: Read])[] = [
  // RFC 8949 section 4.2.1, shortest heads
  ['0 in two bytes', '1800', uint],
  ['23 in two bytes', '1817', uint],
  ['255 in three bytes', '1900ff', uint],
  ['65,535 in five bytes', '1a0000ffff', uint],
  ['2^32 - 1 in nine bytes', '1b00000000ffffffff', uint],
  ['-1 in two bytes', '3800', int],
  ['a length in two bytes that fits one', '580161', bytes],
  ['a text length in two bytes that fits one', '780161', text],
  ['an array count in two bytes that fits one', '980100', array],
  ['a map count in two bytes that fits one', 'b8010000', map],
  ['a tag in three bytes that fits two', 'd90018', tag],
  // section 4.2.1, definite lengths
  ['bytes of indefinite length', '5f4161ff', bytes],
  ['text of indefinite length', '7f6161ff', text],
  ['an array of indefinite length', '9f00ff', array],
  ['a map of indefinite length', 'bf0000ff', map],
  ['a break where a value is due', 'ff', bool],
  // reserved additional information
  ['additional information 28', '1c', uint],
  ['additional information 29', '5d', bytes],
  ['additional information 30', '7e', text],
  ['an integer of indefinite length', '1f', uint],
  // what a number in JavaScript cannot hold exactly
  ['2^53', '1b0020000000000000', uint],
  ['2^64 - 1', '1bffffffffffffffff', uint],
  ['-2^53 - 1', '3b0020000000000000', int],
  // other kinds of value
  ['a float where an integer is due', 'f93c00', uint],
  ['a double where an integer is due', 'fb3ff0000000000000', int],
  ['a negative where an unsigned is due', '20', uint],
  ['bytes where text is due', '4161', text],
  ['text where bytes are due', '6161', bytes],
  ['a map where an array is due', 'a0', array],
  ['null where a boolean is due', 'f6', bool],
  ['undefined where a boolean is due', 'f7', bool],
  ['a boolean in two bytes', 'f815', bool],
  ['another tag', 'd819', tag],
  // UTF-8 (RFC 8949 section 3.1)
  ['text that is not UTF-8', '61ff', text],
  ['text with an overlong form', '62c080', text],
  ['text with half a surrogate pair', '63eda080', text],
  // lengths that lie (T17): refused before anything is allocated
  ['nothing at all', '', uint],
  ['a head that is cut', '19ff', uint],
  ['bytes that are cut', '42ff', bytes],
  ['a string of four gigabytes', '5affffffff', bytes],
  ['a string of eight exabytes', '5b7fffffffffffffff', bytes],
  ['an array of four thousand million', '9affffffff', array],
  ['a map of four thousand million', 'baffffffff', map],
  ['bytes longer than they may be', `5865${'00'.repeat(101)}`, bytes],
  ['text longer than it may be', `7865${'61'.repeat(101)}`, text],
  ['an array of more than it may have', '9865', array],
  ['bytes of another length than they must have', '43000000', (r) => r.bytesOf(4)],
  ['an array of another count than it must have', '83', (r) => r.arrayOf(2)],
];

describe('CBOR reader', () => {
  for (const [name, hex, read] of REFUSED)
    it(`refuses ${name}`, () => assert.throws(() => read(new CborReader(fromHex(hex))), { code: 'ERR_CBOR' }));

  it('refuses what follows the last item', () => {
    const reader = new CborReader(fromHex('0000'));
    reader.uint();
    assert.throws(() => reader.end(), { code: 'ERR_CBOR' });
  });

  // RFC 8949 appendix A
  for (const [hex, value] of [
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['1903e8', 1_000],
    ['1a000f4240', 1_000_000],
    ['1b000000e8d4a51000', 1_000_000_000_000],
    ['20', -1],
    ['3863', -100],
    ['3903e7', -1_000],
    ['1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['3b001ffffffffffffe', Number.MIN_SAFE_INTEGER],
  ] as const) {
    it(`reads and writes ${value} (RFC 8949 appendix A)`, () => {
      assert.equal(new CborReader(fromHex(hex)).int(), value);
      assert.deepEqual(new CborWriter(1).int(value).finish(), fromHex(hex));
    });
  }

  it('reads null only where null is', () => {
    const reader = new CborReader(fromHex('f600'));
    assert.equal(reader.nullish(), true);
    assert.equal(reader.nullish(), false);
    assert.equal(reader.uint(), 0);
    assert.equal(reader.done, true);
  });

  it('gives views of the input, not copies, and starts where it is told', () => {
    const input = fromHex('ff42aabb');
    const value = new CborReader(input, 1).bytes(2);
    assert.equal(value.buffer, input.buffer);
    assert.equal(value.byteOffset, input.byteOffset + 2);
  });

  it('accepts one encoding of each value: whatever it reads, the writer writes the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (input) => {
        for (const [read, write] of [
          [(r: CborReader) => r.int(), (w: CborWriter, v: unknown) => w.int(v as number)],
          [(r: CborReader) => r.bytes(12), (w: CborWriter, v: unknown) => w.bytes(v as Uint8Array)],
          [(r: CborReader) => r.text(12), (w: CborWriter, v: unknown) => w.text(v as string)],
          [(r: CborReader) => r.array(300), (w: CborWriter, v: unknown) => w.array(v as number)],
          [(r: CborReader) => r.map(300), (w: CborWriter, v: unknown) => w.map(v as number)],
          [(r: CborReader) => r.bool(), (w: CborWriter, v: unknown) => w.bool(v as boolean)],
        ] as const) {
          const reader = new CborReader(input);
          try {
            const value = read(reader);
            assert.deepEqual(write(new CborWriter(1), value).finish(), input.slice(0, reader.offset));
          } catch (error) {
            if (!isMeshError(error)) throw error;
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('CBOR writer', () => {
  for (const value of [-1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])
    it(`does not write ${value} as an unsigned integer: a bug, not an input`, () =>
      assert.throws(() => new CborWriter().uint(value), RangeError));

  it('grows as needed', () => {
    const long = new Uint8Array(5_000).fill(7);
    const written = new CborWriter(1).array(2).bytes(long).text('x'.repeat(5_000)).finish();
    const reader = new CborReader(written);
    reader.arrayOf(2);
    assert.deepEqual(Uint8Array.from(reader.bytes(5_000)), long);
    assert.equal(reader.text(5_000).length, 5_000);
    reader.end();
  });
});
