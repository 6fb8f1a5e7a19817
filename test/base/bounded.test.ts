import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BoundedMap } from '../../src/base/bounded.ts';

describe('bounded map', () => {
  it('forgets the least recently used when one more comes, and says which', () => {
    const forgotten: [string, number][] = [];
    const map = new BoundedMap<string, number>(2, (key, value) => forgotten.push([key, value]));
    map.set('a', 1);
    map.set('b', 2);
    assert.equal(map.get('a'), 1);
    map.set('c', 3);
    assert.deepEqual(forgotten, [['b', 2]]);
    assert.deepEqual([...map.keys()], ['a', 'c']);
  });

  it('does not count looking as use', () => {
    const map = new BoundedMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    assert.equal(map.peek('a'), 1);
    assert.equal(map.has('a'), true);
    map.set('c', 3);
    assert.equal(map.has('a'), false);
  });

  it('forgets nothing when a key is set again', () => {
    const map = new BoundedMap<string, number>(2, () => assert.fail('forgot something'));
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 3);
    assert.equal(map.size, 2);
    assert.deepEqual(
      [...map.entries()],
      [
        ['b', 2],
        ['a', 3],
      ],
    );
  });

  it('holds its bound against ten thousand keys', () => {
    const map = new BoundedMap<number, number>(100);
    for (let i = 0; i < 10_000; i++) map.set(i, i);
    assert.equal(map.size, 100);
    assert.equal(map.peek(9_999), 9_999);
    map.clear();
    assert.equal(map.size, 0);
  });
});
