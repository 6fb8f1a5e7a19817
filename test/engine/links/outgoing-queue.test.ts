import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OUTGOING_BYTES_MAX, OUTGOING_MESSAGES_MAX, OutgoingQueue } from '../../../src/engine/links/outgoing-queue.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';

const loud = parseNodeId('loud');
const quiet = parseNodeId('quiet');
const ALL = Number.POSITIVE_INFINITY;

function drain(queue: OutgoingQueue): string[] {
  const out: string[] = [];
  for (let item = queue.shiftWithin(ALL); item !== undefined; item = queue.shiftWithin(ALL))
    out.push(item.frame.tag === 'message' ? `message ${item.frame.bytes[0]}` : item.frame.tag);
  return out;
}

describe('outgoing queue', () => {
  it('is in order, and no marker overtakes a message', () => {
    const queue = new OutgoingQueue();
    queue.pushMessage(Uint8Array.of(1), loud);
    queue.pushMarker({ tag: 'pull-done', id: 1, more: false });
    queue.pushMessage(Uint8Array.of(2), quiet);
    assert.deepEqual(drain(queue), ['message 1', 'pull-done', 'message 2']);
    assert.equal(queue.bytes, 0);
  });

  it('gives no message beyond what is granted, and lets nothing smaller slip by', () => {
    const queue = new OutgoingQueue();
    queue.pushMessage(new Uint8Array(100), loud);
    queue.pushMessage(new Uint8Array(1), quiet);
    assert.equal(queue.shiftWithin(99), undefined);
    assert.equal(queue.shiftWithin(100)?.costBytes, 100);
    assert.equal(queue.shiftWithin(0), undefined);
    queue.shiftWithin(1);
    queue.pushMarker({ tag: 'pong' });
    assert.equal(queue.shiftWithin(0)?.costBytes, 0);
  });

  it('sheds, when full of bytes, the newest of the author who has most (T3)', () => {
    const queue = new OutgoingQueue();
    queue.pushMessage(Uint8Array.of(7), quiet);
    const kib = (n: number): Uint8Array => new Uint8Array(n * 1024);
    for (let sent = 0; sent < 2 * OUTGOING_BYTES_MAX; sent += 16 * 1024) queue.pushMessage(kib(16), loud);
    queue.pushMessage(Uint8Array.of(8), quiet);
    assert.ok(queue.bytes <= OUTGOING_BYTES_MAX);
    assert.ok(queue.shed > 0);
    const left = drain(queue);
    assert.equal(left.at(0), 'message 7');
    assert.equal(left.at(-1), 'message 8');
  });

  it('sheds, when full of messages, of the author who has most', () => {
    const queue = new OutgoingQueue();
    for (let i = 0; i < 10; i++) queue.pushMessage(Uint8Array.of(9), quiet);
    for (let i = 0; i < 2 * OUTGOING_MESSAGES_MAX; i++) queue.pushMessage(Uint8Array.of(1), loud);
    assert.ok(queue.length <= OUTGOING_MESSAGES_MAX);
    assert.equal(queue.shed, OUTGOING_MESSAGES_MAX + 10);
    assert.equal(drain(queue).filter((item) => item === 'message 9').length, 10);
  });

  it('is bounded against markers too', () => {
    const queue = new OutgoingQueue();
    for (let i = 0; i < 10 * OUTGOING_MESSAGES_MAX; i++) queue.pushMarker({ tag: 'pull-done', id: i, more: false });
    assert.ok(queue.length <= OUTGOING_MESSAGES_MAX);
  });
});
