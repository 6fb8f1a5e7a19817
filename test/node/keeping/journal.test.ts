import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MonotonicMs, UnixMs } from '../../../src/base/time.ts';
import {
  BACKLOG_CHANGES_MAX,
  COMMIT_PACE_MS,
  GATHER_MS,
  GROUP_CHANGES_MAX,
  Journal,
} from '../../../src/node/keeping/journal.ts';
import type { NodeChange } from '../../../src/ports/node-store.ts';
import { MemoryNodeStore } from '../../../src/sim/members/memory-node-store.ts';

const message = (n: number): NodeChange => ({
  tag: 'put-message',
  message: {
    arrival: n,
    receivedAt: 0 as UnixMs,
    bytes: Uint8Array.of(n),
  },
});

/** A journal on a store that answers when it is told. */
class Bench {
  readonly store = new MemoryNodeStore();
  readonly groups: { readonly ticket: number; readonly changes: readonly NodeChange[] }[] = [];
  readonly answers: string[] = [];
  readonly journal = new Journal(this.store, (ticket, changes) => this.groups.push({ ticket, changes }));

  nowMs = 0;

  /** So long after the flush before that whatever has gathered is due. */
  flush(): void {
    this.nowMs += GATHER_MS;
    this.journal.flush(this.nowMs as MonotonicMs);
  }

  /** After the last flush. */
  get dueInMs(): number | undefined {
    const at = this.journal.deadline();
    return at === undefined ? undefined : at - this.nowMs;
  }

  wait(name: string): void {
    this.journal.whenDurable((ok) => this.answers.push(`${name} ${ok ? 'durable' : 'lost'}`));
  }

  answer(ok: boolean): void {
    const group = this.groups.shift();
    assert.notEqual(group, undefined);
    if (ok) this.store.applyNow(group?.changes ?? []);
    this.journal.handlePersisted(group?.ticket as number, ok);
  }
}

describe('journal', () => {
  it('has one group under way, and the next gathers meanwhile', () => {
    const bench = new Bench();
    bench.journal.add(message(1));
    bench.flush();
    bench.journal.add(message(2));
    bench.journal.add(message(3));
    bench.flush();
    assert.deepEqual(
      bench.groups.map(({ changes }) => changes.length),
      [1],
    );
    bench.answer(true);
    bench.flush();
    assert.deepEqual(
      bench.groups.map(({ changes }) => changes.length),
      [2],
    );
  });

  it('answers at once where nothing waits', () => {
    const bench = new Bench();
    bench.wait('a');
    assert.deepEqual(bench.answers, ['a durable']);
  });

  it('answers when all that was added before is durable, under way or gathering', () => {
    const bench = new Bench();
    bench.journal.add(message(1));
    bench.wait('a');
    bench.flush();
    bench.wait('b');
    bench.journal.add(message(2));
    bench.wait('c');
    assert.deepEqual(bench.answers, []);
    bench.answer(true);
    assert.deepEqual(bench.answers, ['a durable', 'b durable']);
    bench.flush();
    bench.answer(true);
    assert.deepEqual(bench.answers.slice(2), ['c durable']);
  });

  it('reads what is not durable yet', () => {
    const bench = new Bench();
    bench.journal.add(message(1));
    assert.deepEqual(bench.journal.read(1), Uint8Array.of(1));
    bench.flush();
    assert.deepEqual(bench.journal.read(1), Uint8Array.of(1));
    bench.answer(true);
    assert.deepEqual(bench.journal.read(1), Uint8Array.of(1));
    assert.equal(bench.journal.read(2), undefined);
  });

  it('writes large crowds in groups, and tells nobody before the last', () => {
    const bench = new Bench();
    for (let i = 0; i <= GROUP_CHANGES_MAX; i++) bench.journal.add(message(i));
    bench.wait('a');
    bench.flush();
    bench.answer(true);
    assert.deepEqual(bench.answers, []);
    bench.flush();
    bench.answer(true);
    assert.deepEqual(bench.answers, ['a durable']);
  });

  it('tells who waits that the store failed, also where another group was to follow', () => {
    const bench = new Bench();
    for (let i = 0; i <= GROUP_CHANGES_MAX; i++) bench.journal.add(message(i));
    bench.wait('a');
    bench.flush();
    bench.answer(false);
    assert.deepEqual(bench.answers, ['a lost']);
  });

  it('keeps what the store did not take, and tries again when it is told, in the old order', () => {
    const bench = new Bench();
    bench.journal.add(message(1));
    bench.flush();
    bench.journal.add({ tag: 'drop-message', arrival: 0 });
    bench.answer(false);
    bench.flush();
    assert.equal(bench.groups.length, 0, 'not at once');
    assert.deepEqual(bench.journal.read(1), Uint8Array.of(1));
    bench.wait('a');
    assert.deepEqual(bench.answers, [], 'a duplicate of it is not acknowledged either');
    bench.journal.resume();
    bench.flush();
    assert.deepEqual(
      bench.groups[0]?.changes.map(({ tag }) => tag),
      ['put-message', 'drop-message'],
    );
    bench.answer(true);
    assert.deepEqual(bench.answers, ['a durable']);
    assert.equal(bench.journal.backlog, 0);
  });

  it('does not try again to write what was dropped when the store failed, but drops it there all the same', () => {
    const bench = new Bench();
    bench.journal.add(message(1));
    bench.journal.add(message(2));
    bench.journal.whenDurable((ok) => {
      if (!ok) bench.journal.add({ tag: 'drop-message', arrival: 1 });
    });
    bench.flush();
    bench.answer(false);
    assert.equal(bench.journal.read(1), undefined);
    bench.journal.resume();
    bench.flush();
    assert.deepEqual(bench.groups[0]?.changes, [message(2), { tag: 'drop-message', arrival: 1 }]);
  });

  it('is full when too much waits for the store', () => {
    const bench = new Bench();
    for (let i = 0; i < BACKLOG_CHANGES_MAX - 1; i++) bench.journal.add(message(i));
    assert.equal(bench.journal.isFull, false);
    bench.journal.add(message(0));
    assert.equal(bench.journal.isFull, true);
  });

  it('writes messages that nobody waits for a while after the last commit, and what a program waits for soon', () => {
    const bench = new Bench();
    const { journal } = bench;
    assert.equal(journal.deadline(), undefined);
    journal.add(message(1));
    bench.flush();
    const savedAt = bench.nowMs;
    bench.answer(true);
    journal.add(message(2));
    journal.add({ tag: 'drop-message', arrival: 1 });
    assert.equal(journal.deadline(), savedAt + GATHER_MS);
    journal.flush((savedAt + GATHER_MS - 1) as MonotonicMs);
    assert.equal(bench.groups.length, 0);
    bench.wait('a program');
    assert.equal(journal.deadline(), savedAt + COMMIT_PACE_MS);
    journal.flush((savedAt + COMMIT_PACE_MS - 1) as MonotonicMs);
    assert.equal(bench.groups.length, 0);
    journal.flush((savedAt + COMMIT_PACE_MS) as MonotonicMs);
    assert.equal(bench.groups.length, 1);
    journal.add(message(3));
    assert.equal(journal.deadline(), undefined, 'a group is under way');
    bench.answer(true);
    assert.equal(journal.deadline(), savedAt + COMMIT_PACE_MS + GATHER_MS, 'who waits, waits for what is under way');
  });

  it('has whatever is no message written soon, and whole groups', () => {
    const bench = new Bench();
    const { journal } = bench;
    journal.add(message(0));
    bench.flush();
    bench.answer(true);
    for (let i = 0; i < GROUP_CHANGES_MAX - 1; i++) journal.add(message(i));
    assert.equal(bench.dueInMs, GATHER_MS);
    journal.add(message(GROUP_CHANGES_MAX - 1));
    assert.equal(bench.dueInMs, COMMIT_PACE_MS);
    journal.add({ tag: 'put-crl', issuerKeyHash: 'aa', der: Uint8Array.of(1), kept: [] });
    bench.flush();
    bench.answer(true);
    assert.equal(bench.dueInMs, COMMIT_PACE_MS, 'the list is in the next group');
    bench.flush();
    bench.answer(true);
    journal.add(message(0));
    assert.equal(bench.dueInMs, GATHER_MS);
  });

  it('has what a store refused written as soon as it may be', () => {
    const bench = new Bench();
    bench.journal.add(message(1));
    bench.flush();
    bench.answer(false);
    assert.equal(bench.dueInMs, undefined);
    bench.journal.resume();
    assert.equal(bench.dueInMs, COMMIT_PACE_MS);
    bench.flush();
    bench.answer(true);
    bench.journal.add(message(2));
    assert.equal(bench.dueInMs, GATHER_MS);
  });

  it('takes no notice of answers to other groups', () => {
    const bench = new Bench();
    bench.journal.add(message(1));
    bench.wait('a');
    bench.flush();
    bench.journal.handlePersisted(99, true);
    assert.deepEqual(bench.answers, []);
  });
});
