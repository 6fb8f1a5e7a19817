import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IdSet } from '../../src/signer/id-set.ts';

describe('a set of ids', () => {
  it('knows what has come, through every time that it grows, and nothing else', () => {
    const set = new IdSet();
    const ids = Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? `id ${i}` : 'é'.repeat(i % 200) + i));
    for (const id of ids) assert.ok(set.add(id));
    for (const id of ids) assert.ok(!set.add(id));
    assert.ok(set.add('another'));
    assert.ok(set.add(''));
    assert.ok(!set.add(''));
  });
});
