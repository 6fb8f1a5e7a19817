import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Slab } from '../../src/base/slab.ts';

describe('slab', () => {
  it('gives each its own zeros, however many come', () => {
    const slab = new Slab();
    const taken = Array.from({ length: 1_000 }, (_, i) => ({ bytes: slab.take(i % 97), mark: (i % 255) + 1 }));
    for (const { bytes, mark } of taken) {
      assert.ok(bytes.every((octet) => octet === 0));
      bytes.fill(mark);
    }
    for (const { bytes, mark } of taken) assert.ok(bytes.every((octet) => octet === mark));
  });

  it('gives long ones an array of their own', () => {
    const slab = new Slab();
    const short = slab.take(16);
    const long = slab.take(100_000);
    assert.equal(long.length, 100_000);
    assert.equal(long.buffer.byteLength, 100_000);
    assert.equal(slab.take(16).buffer, short.buffer, 'and the others go on where they were');
  });
});
