import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemRandom } from '../../../src/host/machine/system-random.ts';

describe('randomness of the operating system', () => {
  it('gives as many bytes as asked for, and none twice', () => {
    const seen = new Set<string>();
    let pieces = 0;
    for (let i = 0; i < 2_000; i++) {
      const length = [8, 16, 32, 64, 65, 2_000][i % 6] as number;
      const bytes = systemRandom.bytes(length);
      assert.equal(bytes.length, length);
      pieces += length >> 3;
      for (let at = 0; at + 8 <= bytes.length; at += 8) seen.add(bytes.subarray(at, at + 8).toHex());
    }
    assert.equal(seen.size, pieces);
  });

  it('gives bytes that are the caller’s own', () => {
    const first = systemRandom.bytes(16);
    const before = first.toHex();
    const second = systemRandom.bytes(16);
    second.fill(0);
    assert.equal(first.toHex(), before);
    assert.equal(first.buffer.byteLength, 16);
    assert.equal(systemRandom.bytes(0).length, 0);
  });
});
