import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import type { FastifyReply } from 'fastify';
import { ANSWERS_BYTES_MAX, AnswersUnderWay, RPC_ANSWER_MS_MAX } from '../../../src/http/streams/connect.ts';

/** A reply whose reader may take its time. */
function replyOf(raw: EventEmitter): FastifyReply {
  return { raw } as unknown as FastifyReply;
}

describe('answers under way', () => {
  it('may be so many bytes, and there is room again once one was read', () => {
    const answers = new AnswersUnderWay();
    const slow = new EventEmitter();
    answers.begin(ANSWERS_BYTES_MAX, replyOf(slow));
    const another = new EventEmitter();
    assert.throws(() => answers.begin(1, replyOf(another)), { code: 'ERR_OVERLOADED' });
    slow.emit('close');
    answers.begin(1, replyOf(another));
    another.emit('close');
  });

  it('are read in time, or the connection ends', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const raw = Object.assign(new EventEmitter(), { destroy: t.mock.fn(() => raw.emit('close')) });
    const answers = new AnswersUnderWay();
    answers.begin(ANSWERS_BYTES_MAX, replyOf(raw));
    t.mock.timers.tick(RPC_ANSWER_MS_MAX - 1);
    assert.equal(raw.destroy.mock.callCount(), 0);
    t.mock.timers.tick(1);
    assert.equal(raw.destroy.mock.callCount(), 1);
    answers.begin(ANSWERS_BYTES_MAX, replyOf(new EventEmitter()));
  });
});
