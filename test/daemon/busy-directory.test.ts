import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { MeshError } from '../../src/base/errors.ts';
import { BUSY_PAUSE_MS, DIRECTORY_BUSY_MS_MAX, whileBusy } from '../../src/daemon/busy-directory.ts';

/** A directory that another process has until `freeAtMs`, and a clock that the test moves. */
function busyUntil(t: TestContext, freeAtMs: number) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const outcome: { attempts: number; value?: string; error?: unknown } = { attempts: 0 };
  let nowMs = 0;
  const work = whileBusy(async () => {
    outcome.attempts++;
    if (nowMs < freeAtMs) throw new MeshError('ERR_DIR_LOCKED', 'somebody has it');
    return 'done';
  });
  work.then(
    (value) => (outcome.value = value),
    (error: unknown) => (outcome.error = error),
  );
  const pass = async (ms: number): Promise<void> => {
    for (; ms > 0; ms -= BUSY_PAUSE_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      nowMs += BUSY_PAUSE_MS;
      t.mock.timers.tick(BUSY_PAUSE_MS);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { outcome, pass };
}

describe('a directory that another process has', () => {
  it('is waited for', async (t) => {
    const { outcome, pass } = busyUntil(t, DIRECTORY_BUSY_MS_MAX);
    await pass(DIRECTORY_BUSY_MS_MAX - BUSY_PAUSE_MS);
    assert.deepEqual([outcome.value, outcome.error], [undefined, undefined]);
    await pass(BUSY_PAUSE_MS);
    assert.equal(outcome.value, 'done');
  });

  it('is not waited for any longer than so', async (t) => {
    const { outcome, pass } = busyUntil(t, DIRECTORY_BUSY_MS_MAX + 1);
    await pass(DIRECTORY_BUSY_MS_MAX);
    assert.equal((outcome.error as MeshError).code, 'ERR_DIR_LOCKED');
    const { attempts } = outcome;
    await pass(DIRECTORY_BUSY_MS_MAX);
    assert.equal(outcome.attempts, attempts);
  });

  it('is nothing that other errors wait for', async () => {
    let attempts = 0;
    const broken = whileBusy(async () => {
      attempts++;
      throw new MeshError('ERR_STATE_CORRUPT', 'x');
    });
    await assert.rejects(broken, { code: 'ERR_STATE_CORRUPT' });
    assert.equal(attempts, 1);
  });
});
