import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { concatBytes, fromHex, toHex } from '../../src/base/bytes.ts';
import { isMeshError } from '../../src/base/errors.ts';
import { toRfc3339, type UnixMs } from '../../src/base/time.ts';
import {
  DER_DEPTH_MAX,
  DerReader,
  OID_BYTES_MAX,
  readOnly,
  SMALL_INTEGER_BYTES_MAX,
} from '../../src/codec/der-reader.ts';
import { TAG } from '../../src/codec/der-tag.ts';
import {
  bitString,
  boolean,
  context,
  contextPrimitive,
  element,
  encoded,
  ia5String,
  namedBits,
  octetString,
  oid,
  sequence,
  setOf,
  time,
  unsignedInteger,
  utf8String,
} from '../../src/codec/der-writer.ts';
import { OID } from '../../src/codec/oid.ts';

type Read = (reader: DerReader) => unknown;

const refused: readonly (readonly [name: string, hex: string, read: Read])[] = [
  ['nothing', '', (r) => r.sequence()],
  ['a tag alone', '30', (r) => r.sequence()],
  ['another tag', '0400', (r) => r.sequence()],
  ['a high tag number', '3f8101 00'.replaceAll(' ', ''), (r) => r.raw()],
  ['an indefinite length', '30800000', (r) => r.sequence()],
  ['a length in the long form below 128', `308101${'00'}`, (r) => r.sequence()],
  ['a length with a leading zero', `30820080${'00'.repeat(128)}`, (r) => r.sequence()],
  ['a length of five octets', '308500000000010a', (r) => r.sequence()],
  ['a length that stops short', '3082', (r) => r.sequence()],
  ['content beyond the input', '300201', (r) => r.sequence()],
  ['a length of 4 GiB', '3084ffffffff', (r) => r.raw()],
  ['a child beyond its parent', '3003020200', (r) => r.sequence().integerBytes()],
  ['trailing bytes', '050000', (r) => r.null()],
  ['NULL with content', '050100', (r) => r.null()],
  ['BOOLEAN 01', '010101', (r) => r.boolean()],
  ['BOOLEAN of two octets', '0102ffff', (r) => r.boolean()],
  ['a default value written out', '010100', (r) => r.defaultFalse()],
  ['INTEGER without content', '0200', (r) => r.integerBytes()],
  ['INTEGER with a needless 00', '02020001', (r) => r.integerBytes()],
  ['INTEGER with a needless FF', '0202ff80', (r) => r.integerBytes()],
  ['a negative INTEGER where a count is expected', '0201ff', (r) => r.smallInteger()],
  [
    'an INTEGER too long for a count',
    `020${SMALL_INTEGER_BYTES_MAX + 1}01${'00'.repeat(SMALL_INTEGER_BYTES_MAX)}`,
    (r) => r.smallInteger(),
  ],
  ['OBJECT IDENTIFIER without content', '0600', (r) => r.oid()],
  ['OBJECT IDENTIFIER with a padded arc', '06032a8001', (r) => r.oid()],
  ['OBJECT IDENTIFIER that stops inside an arc', '06022a86', (r) => r.oid()],
  ['OBJECT IDENTIFIER too long', `0641${'01'.repeat(OID_BYTES_MAX + 1)}`, (r) => r.oid()],
  ['BIT STRING without content', '0300', (r) => r.bitString()],
  ['BIT STRING with eight unused bits', '03020800', (r) => r.bitString()],
  ['BIT STRING with an unused bit set', '03020101', (r) => r.bitString()],
  ['BIT STRING with unused bits of nothing', '030101', (r) => r.bitString()],
  ['BIT STRING that is no whole octets', '03020180', (r) => r.bitStringOctets()],
  ['named bits with trailing zeros', '03020080', (r) => r.namedBits()],
  ['named bits beyond sixteen', '030400800001', (r) => r.namedBits()],
  ['UTCTime without Z', `170c${ascii('700101000000')}`, (r) => r.time()],
  ['UTCTime without seconds', `170b${ascii('7001010000Z')}`, (r) => r.time()],
  ['UTCTime with a zone', `1711${ascii('700101000000+0000')}`, (r) => r.time()],
  ['UTCTime on 30 February', `170d${ascii('700230000000Z')}`, (r) => r.time()],
  ['UTCTime on 29 February 2023', `170d${ascii('230229000000Z')}`, (r) => r.time()],
  ['UTCTime at 24:00', `170d${ascii('700101240000Z')}`, (r) => r.time()],
  ['UTCTime with a leap second', `170d${ascii('161231235960Z')}`, (r) => r.time()],
  ['UTCTime with a sign', `170d${ascii('70010100000+Z')}`, (r) => r.time()],
  ['GeneralizedTime with a fraction', `1811${ascii('20500101000000.0Z')}`, (r) => r.time()],
  ['GeneralizedTime before 2050 (RFC 5280 section 4.1.2.5)', `180f${ascii('20491231235959Z')}`, (r) => r.time()],
  ['GeneralizedTime of either form with a fraction', `1811${ascii('20490101000000.0Z')}`, (r) => r.timeOfEitherForm()],
  ['GeneralizedTime of either form without Z', `180e${ascii('20490101000000')}`, (r) => r.timeOfEitherForm()],
  ['GeneralizedTime in month 13', `180f${ascii('20501301000000Z')}`, (r) => r.time()],
  ['GeneralizedTime on 29 February of the year 1', `180f${ascii('00010229000000Z')}`, (r) => r.time()],
  ['a string where a time is expected', '0c00', (r) => r.time()],
];

function ascii(text: string): string {
  return toHex(new TextEncoder().encode(text));
}

describe('DER reader (X.690)', () => {
  for (const [name, hex, read] of refused)
    it(`refuses ${name}`, () => {
      assert.throws(() => readOnly(fromHex(hex), read), { code: 'ERR_DER' });
    });

  it(`refuses to go deeper than ${DER_DEPTH_MAX} levels`, () => {
    let der: Uint8Array = sequence();
    for (let i = 0; i < DER_DEPTH_MAX + 1; i++) der = sequence(der);
    let levels = 0;
    assert.throws(
      () => {
        for (let reader = new DerReader(der); ; levels++) reader = reader.sequence();
      },
      { code: 'ERR_DER', message: /nested deeper/ },
    );
    assert.equal(levels, DER_DEPTH_MAX, 'and no less deep');
  });

  it('reads every year from 0 to 9999', () => {
    for (const [text, iso] of [
      ['00000229000000Z', '0000-02-29T00:00:00.000Z'],
      ['00991231235959Z', '0099-12-31T23:59:59.000Z'],
      ['01000301000000Z', '0100-03-01T00:00:00.000Z'],
      ['99991231235959Z', '9999-12-31T23:59:59.000Z'],
    ] as const)
      assert.equal(new Date(readOnly(fromHex(`180f${ascii(text)}`), (r) => r.time())).toISOString(), iso);
  });

  it('reads arcs of any size', () => {
    for (const dotted of [
      '0.0',
      '0.39',
      '1.39.128',
      '2.999.4294967296123',
      '2.48.1',
      OID.meshGrants,
      `2.${2n ** 200n}.7`,
    ])
      assert.equal(
        readOnly(oid(dotted), (r) => r.oid()),
        dotted,
      );
    assert.equal(toHex(oid('1.2.840.113549.1.1.11')), '06092a864886f70d01010b');
  });

  it('never throws anything but ERR_DER, whatever the bytes', () => {
    const reads: readonly Read[] = [...refused.map(([, , read]) => read), (r) => r.octetString(), (r) => r.peekRaw()];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...reads), (bytes, read) => {
        try {
          readOnly(bytes, read);
        } catch (error) {
          assert.ok(isMeshError(error) && error.code === 'ERR_DER', String(error));
        }
      }),
    );
  });
});

describe('DER writer', () => {
  it('writes lengths in their shortest form', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const der = octetString(new Uint8Array(length));
      assert.equal(readOnly(der, (r) => r.octetString()).length, length);
      assert.equal(der.length - length, length < 128 ? 2 : length < 256 ? 3 : length < 65_536 ? 4 : 5);
    }
  });

  it('round-trips integers, strings, bits and flags', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 160n }), (value) => {
        assert.equal(BigInt(`0x${toHex(readOnly(unsignedInteger(value), (r) => r.integerBytes()))}`), value);
      }),
    );
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 30 }), (value) => {
        assert.equal(
          readOnly(unsignedInteger(value), (r) => r.smallInteger()),
          value,
        );
      }),
    );
    fc.assert(
      fc.property(fc.nat({ max: 0xffff }), (bits) => {
        assert.equal(
          readOnly(namedBits(bits), (r) => r.namedBits()),
          bits,
        );
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        assert.deepEqual(
          readOnly(bitString(bytes), (r) => r.bitStringOctets()),
          bytes,
        );
      }),
    );
    for (const flag of [true, false])
      assert.equal(
        readOnly(boolean(flag), (r) => r.boolean()),
        flag,
      );
  });

  it('drops leading zeros of a magnitude, and keeps the number positive', () => {
    assert.equal(toHex(unsignedInteger(fromHex('000080'))), '02020080');
    assert.equal(toHex(unsignedInteger(fromHex('0000'))), '020100');
    assert.equal(toHex(unsignedInteger(new Uint8Array(0))), '020100');
    assert.throws(() => unsignedInteger(-1), RangeError);
    assert.throws(() => unsignedInteger(2 ** 53), RangeError);
  });

  it('round-trips object identifiers', () => {
    const arcs = fc.array(fc.oneof(fc.nat(300).map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 128n })), { maxLength: 2 });
    fc.assert(
      fc.property(fc.nat(2), fc.nat(39), arcs, (first, second, rest) => {
        const dotted = [first, second, ...rest].join('.');
        assert.equal(
          readOnly(oid(dotted), (r) => r.oid()),
          dotted,
        );
      }),
    );
    for (const text of ['', '1', '3.1', '1.40', '1.02', 'a.b', '1.2.', '1.-2'])
      assert.throws(() => oid(text), { code: 'ERR_DER' }, text);
  });

  it('writes times as RFC 5280 wants them, to the second', () => {
    const latin = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(2));
    assert.equal(latin(time(Date.UTC(2049, 11, 31, 23, 59, 59, 999) as UnixMs)), '491231235959Z');
    assert.equal(latin(time(Date.UTC(2050, 0, 1) as UnixMs)), '20500101000000Z');
    assert.equal(latin(time(Date.UTC(1950, 0, 1) as UnixMs)), '500101000000Z');
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1950, 0, 1) / 1_000, max: Date.UTC(9999, 11, 31) / 1_000 }), (seconds) => {
        const at = (seconds * 1_000) as UnixMs;
        assert.equal(toRfc3339(readOnly(time(at), (r) => r.time())), toRfc3339(at));
      }),
    );
  });

  it('sorts a SET OF', () => {
    assert.equal(toHex(setOf(encoded(utf8String('b')), encoded(utf8String('a')))), '31060c01610c0162');
  });

  it('refuses text beyond ASCII in an IA5String', () => {
    assert.throws(() => ia5String('ü'), { code: 'ERR_DER' });
  });

  it('marks context tags', () => {
    assert.equal(
      toHex(concatBytes(context(3, unsignedInteger(1)), contextPrimitive(1, fromHex('ff')))),
      'a303020101 8101ff'.replace(' ', ''),
    );
    assert.equal(toHex(element(TAG.null)), '0500');
  });
});
