import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  bytesEqual,
  compareBytes,
  concatBytes,
  fromBase64,
  fromHex,
  isAt,
  textOfUtf8,
  toBase32,
  toBase64,
  toBase64Url,
  toHex,
  utf8,
} from '../../src/base/bytes.ts';

const bytes = fc.uint8Array({ maxLength: 64 });

describe('bytes', () => {
  it('go to text and back', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        assert.deepEqual(fromHex(toHex(value)), value);
        assert.deepEqual(fromBase64(toBase64(value)), value);
        assert.equal(toBase64Url(value), Buffer.from(value).toString('base64url'));
      }),
    );
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => assert.equal(textOfUtf8(utf8(text)), text)));
  });

  // RFC 4648 section 10, in lower case and without padding
  for (const [text, expected] of [
    ['', ''],
    ['f', 'my'],
    ['fo', 'mzxq'],
    ['foo', 'mzxw6'],
    ['foob', 'mzxw6yq'],
    ['fooba', 'mzxw6ytb'],
    ['foobar', 'mzxw6ytboi'],
  ] as const)
    it(`base32 of "${text}" (RFC 4648 section 10)`, () => assert.equal(toBase32(utf8(text)), expected));

  for (const [name, refuse] of [
    ['half a hex digit', () => fromHex('abc')],
    ['no hex digits', () => fromHex('zz')],
    ['base64 without its padding', () => fromBase64('TQ')],
    ['base64 with bits left over', () => fromBase64('TR==')],
    ['base64 of the URL alphabet', () => fromBase64('-_==')],
    ['UTF-8 that is cut', () => textOfUtf8(Uint8Array.of(0xc3))],
    ['UTF-8 of a surrogate', () => textOfUtf8(Uint8Array.of(0xed, 0xa0, 0x80))],
  ] as const)
    it(`refuses ${name}`, () => assert.throws(refuse, { code: 'ERR_INPUT' }));

  it('keeps a byte order mark as text', () => assert.equal(textOfUtf8(Uint8Array.of(0xef, 0xbb, 0xbf)), '\u{feff}'));

  it('are compared byte by byte, a prefix before what it begins', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        assert.equal(Math.sign(compareBytes(a, b)), Math.sign(Buffer.compare(a, b)));
        assert.equal(bytesEqual(a, b), compareBytes(a, b) === 0);
        assert.equal(toHex(concatBytes(a, b)), toHex(a) + toHex(b));
      }),
    );
  });

  it('are compared to the last byte, however many there are', () => {
    for (const length of [0, 1, 63, 64, 65, 66, 1_000]) {
      const one = new Uint8Array(length).fill(7);
      assert.equal(bytesEqual(one, one.slice()), true);
      assert.equal(bytesEqual(one, new Uint8Array(length + 1).fill(7)), false);
      for (const at of [0, length >> 1, length - 1].filter((i) => i >= 0 && i < length)) {
        const other = one.slice();
        other[at] = 8;
        assert.equal(bytesEqual(one, other), false, `byte ${at} of ${length}`);
      }
    }
  });

  it('are told from others that differ in one byte, wherever it is', () => {
    const part = new Uint8Array(50).map((_, i) => i);
    for (let length = 0; length <= part.length; length++)
      for (let at = 0; at < length; at++) {
        const all = new Uint8Array(60);
        all.set(part, 3);
        all[3 + at] = 255;
        assert.equal(isAt(new DataView(all.buffer), 3, part.subarray(0, length)), false, `byte ${at} of ${length}`);
      }
  });

  it('are found where they stand among others, and nowhere else', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, fc.nat(70), (before, part, behind, at) => {
        const all = concatBytes(before, part, behind);
        const view = new DataView(all.buffer);
        assert.equal(isAt(view, before.length, part), true);
        assert.equal(
          isAt(view, at, part),
          toHex(all.slice(at, at + part.length)) === toHex(part) && at + part.length <= all.length,
        );
      }),
    );
  });
});
