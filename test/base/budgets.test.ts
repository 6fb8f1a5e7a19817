import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MonotonicMs } from '../../src/base/time.ts';
import { Budgets } from '../../src/base/budgets.ts';
import { BUCKETS_MAX } from '../../src/engine/gate/budgets.ts';
import { type NodeId, parseNodeId } from '../../src/identity/node-id.ts';

const at = (ms: number): MonotonicMs => ms as MonotonicMs;
const RATE = { tokensPerSecond: 1, burstTokens: 2 };

describe('budgets', () => {
  it('are one for each node', () => {
    const budgets = new Budgets<NodeId>(RATE, BUCKETS_MAX);
    const [ann, bob] = [parseNodeId('ann'), parseNodeId('bob')];
    assert.deepEqual(
      [1, 2, 3].map(() => budgets.take(at(0), ann)),
      [true, true, false],
    );
    assert.equal(budgets.has(at(0), ann), false);
    assert.equal(budgets.has(at(0), bob), true);
    assert.equal(budgets.take(at(0), bob), true);
    assert.equal(budgets.take(at(1_000), ann), true);
  });

  it('remember no more nodes than they may; who is forgotten gets one burst anew (T17)', () => {
    const budgets = new Budgets<NodeId>(RATE, BUCKETS_MAX);
    const ann = parseNodeId('ann');
    while (budgets.take(at(0), ann)) assert.ok(true);
    for (let i = 0; i < BUCKETS_MAX; i++) budgets.take(at(0), parseNodeId(`n${i}`));
    assert.deepEqual(
      [1, 2, 3].map(() => budgets.take(at(0), ann)),
      [true, true, false],
    );
  });
});
