import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { QuietFiles } from '../../tools/quiet-files.ts';

const QUIET_MS = 100_000;
const FILE = 'slow.test.ts';

/** A file that has begun, on a machine that gives it so much of a processor. */
function begun(t: TestContext, share: number | undefined): { readonly quiet: QuietFiles; readonly killed: string[] } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const killed: string[] = [];
  const quiet = new QuietFiles(
    QUIET_MS,
    () => (share === undefined ? undefined : nowMs * share),
    (file) => killed.push(file),
  );
  const tick = t.mock.timers.tick.bind(t.mock.timers);
  t.mock.method(t.mock.timers, 'tick', (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      nowMs += 1_000;
      tick(1_000);
    }
  });
  quiet.handle({ type: 'test:dequeue', data: { file: FILE } } as TestEvent);
  return { quiet, killed };
}

function isHeard(quiet: QuietFiles): void {
  quiet.handle({ type: 'test:complete', data: { entryFile: FILE, file: FILE } } as TestEvent);
}

describe('a test file that says nothing', () => {
  it('is stuck where it has had the processor for so long', (t) => {
    const { killed } = begun(t, 1);
    t.mock.timers.tick(QUIET_MS - 1_000);
    assert.deepEqual(killed, []);
    t.mock.timers.tick(1_000);
    assert.deepEqual(killed, [FILE]);
  });

  it('is stuck where it does nothing', (t) => {
    const { killed } = begun(t, 0);
    t.mock.timers.tick(QUIET_MS);
    assert.deepEqual(killed, [FILE]);
  });

  it('is stuck after so long where nobody can tell what it does', (t) => {
    const { killed } = begun(t, undefined);
    t.mock.timers.tick(QUIET_MS);
    assert.deepEqual(killed, [FILE]);
  });

  it('is slow where others have the processor, and is waited for, though not for ever', (t) => {
    const { quiet, killed } = begun(t, 0.3);
    t.mock.timers.tick(3 * QUIET_MS);
    assert.deepEqual(killed, []);
    isHeard(quiet);
    t.mock.timers.tick(3 * QUIET_MS);
    assert.deepEqual(killed, [], 'it was heard meanwhile');
    t.mock.timers.tick(QUIET_MS);
    assert.deepEqual(killed, [FILE]);
  });

  it('of which a starved process has too little for a verdict ends all the same', (t) => {
    const { killed } = begun(t, 0.05);
    t.mock.timers.tick(6 * QUIET_MS);
    assert.deepEqual(killed, [FILE]);
  });
});
