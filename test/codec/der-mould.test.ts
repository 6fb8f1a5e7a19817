import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { Slab } from '../../src/base/slab.ts';
import { DerMould } from '../../src/codec/der-mould.ts';
import { TAG } from '../../src/codec/der-tag.ts';
import { type DerPart, encoded, inner, octetString, sequence, utf8String } from '../../src/codec/der-writer.ts';

const COMMON = octetString(fromHex('c0ffee'));

/** Parts at the top, deep inside, and behind what is long enough for a header of three octets. */
function layOut(number: DerPart, name: DerPart, blob: DerPart) {
  return inner(TAG.sequence, number, COMMON, inner(TAG.set, inner(TAG.sequence, name), blob), sequence(COMMON));
}

function partsOf(fill: number, name: string): readonly [DerPart, DerPart, DerPart] {
  return [Uint8Array.of(TAG.integer, 1, fill), utf8String(name), octetString(new Uint8Array(140).fill(fill))];
}

describe('DER mould', () => {
  const first = partsOf(1, 'ann');
  const mould = new DerMould(layOut(...first), first);
  const slab = new Slab();

  it('casts what the writer writes', () => {
    for (const parts of [first, partsOf(2, 'bob'), partsOf(3, 'eve')])
      assert.equal(toHex(mould.cast(parts, slab)), toHex(encoded(layOut(...parts))));
  });

  it('leaves what was cast before as it is', () => {
    const before = mould.cast(partsOf(4, 'joe'), slab);
    mould.cast(partsOf(5, 'kim'), slab);
    assert.equal(toHex(before), toHex(encoded(layOut(...partsOf(4, 'joe')))));
  });

  it('has no room for parts of other lengths, and for no other number of them', () => {
    assert.ok(mould.fits(partsOf(6, 'zoe')));
    assert.ok(!mould.fits(partsOf(6, 'anna')));
    assert.ok(!mould.fits(partsOf(6, 'zoe').slice(1)));
  });

  it('refuses a part that the structure is not made of', () =>
    assert.throws(() => new DerMould(layOut(...first), [...first, utf8String('ann')]), RangeError));
});
