import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode, rfc8949EncodeOptions } from 'cborg';
import fc from 'fast-check';
import { compareBytes, toHex } from '../../src/base/bytes.ts';
import { CborReader } from '../../src/codec/cbor-reader.ts';
import { CborWriter } from '../../src/codec/cbor-writer.ts';

/** A value of the kinds that our formats use. */
type Value = number | boolean | null | string | Uint8Array | readonly Value[] | ReadonlyMap<string | number, Value>;

const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.maxSafeInteger(),
    fc.nat(300),
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 30 }),
    fc
      .uniqueArray(fc.tuple(fc.oneof(fc.integer(), fc.string()), tie('value')), {
        selector: ([key]) => key,
        maxLength: 30,
      })
      .map((entries) => new Map(entries)),
  ),
}));

function write(writer: CborWriter, value: Value): CborWriter {
  if (typeof value === 'number') return writer.int(value);
  if (typeof value === 'boolean') return writer.bool(value);
  if (typeof value === 'string') return writer.text(value);
  if (value === null) return writer.null();
  if (value instanceof Uint8Array) return writer.bytes(value);
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string | number, Value>)]
      .map(([key, item]) => ({ key: write(new CborWriter(), key).finish(), item }))
      .toSorted((a, b) => compareBytes(a.key, b.key));
    writer.map(entries.length);
    for (const { key, item } of entries) write(writer.raw(key), item);
    return writer;
  }
  const items = value as readonly Value[];
  writer.array(items.length);
  for (const item of items) write(writer, item);
  return writer;
}

/** Reads what was written, expecting the very values. */
function read(reader: CborReader, value: Value): void {
  if (typeof value === 'number') assert.equal(value < 0 ? reader.int() : reader.uint(), value);
  else if (typeof value === 'boolean') assert.equal(reader.bool(), value);
  else if (typeof value === 'string') assert.equal(reader.text(10_000), value);
  else if (value === null) assert.equal(reader.nullish(), true);
  else if (value instanceof Uint8Array) assert.deepEqual(Uint8Array.from(reader.bytes(300)), value);
  else if (Array.isArray(value)) {
    assert.equal(reader.array(30), value.length);
    for (const item of value as readonly Value[]) read(reader, item);
  } else throw new TypeError('maps are read by their formats');
}

const holdsMap = (value: Value): boolean =>
  value instanceof Map || (Array.isArray(value) && (value as readonly Value[]).some(holdsMap));

describe('deterministic CBOR (RFC 8949 section 4.2.1) beside cborg', () => {
  it('is the same bytes', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        assert.equal(toHex(write(new CborWriter(), value).finish()), toHex(encode(value, rfc8949EncodeOptions)));
      }),
    );
  });

  it('reads what cborg wrote', () => {
    fc.assert(
      fc.property(
        anyValue.filter((value) => !holdsMap(value)),
        (value) => {
          const reader = new CborReader(encode(value, rfc8949EncodeOptions));
          read(reader, value);
          reader.end();
        },
      ),
    );
  });
});
