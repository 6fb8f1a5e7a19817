import assert from 'node:assert/strict';
import { it } from 'node:test';
import { GrowingBytes } from '../../src/base/growing-bytes.ts';

it('bytes that come one at a time take twice their length at most, and are all there (T17)', () => {
  const growing = new GrowingBytes();
  for (let i = 0; i < 5_000; i++) {
    growing.push(Uint8Array.of(i));
    assert.ok(growing.capacity <= 2 * growing.length, `${growing.capacity} bytes for ${growing.length}`);
  }
  growing.push(new Uint8Array(7_000).fill(9));
  assert.equal(growing.length, 12_000);
  assert.deepEqual(growing.bytes.slice(4_998, 5_002), Uint8Array.of(4_998, 4_999, 9, 9));
});
