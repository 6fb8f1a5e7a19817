import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import type { MeshError } from '../../../src/base/errors.ts';
import { Child, LOG_LINES_MAX, READY_MS_MAX, STOP_MS_MAX } from '../../../src/daemon/up/child.ts';
import { Guard } from '../../../src/daemon/up/guard.ts';

const guard = new Guard();
after(() => guard.end());

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A child that the kernel lets do nothing. */
async function frozenChild(): Promise<Child> {
  const child = new Child(guard, ['--version']);
  process.kill(child.pid, 'SIGSTOP');
  while (!/\) T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8'))) await turn();
  return child;
}

describe('a child process', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  it('that does not say that it is ready is not waited for any longer', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const child = await frozenChild();
    t.after(() => child.kill());
    const errors: MeshError[] = [];
    child.ready().catch((error: MeshError) => errors.push(error));
    t.mock.timers.tick(READY_MS_MAX - 1);
    await turn();
    assert.equal(errors.length, 0);
    t.mock.timers.tick(1);
    await turn();
    assert.equal(errors[0]?.code, 'ERR_NOT_READY');
  });

  it('that does not end when it is asked to is killed', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const child = await frozenChild();
    let isOver = false;
    const stopped = child.stop().then(() => (isOver = true));
    t.mock.timers.tick(STOP_MS_MAX - 1);
    await turn();
    assert.equal(isOver, false);
    t.mock.timers.tick(1);
    await stopped;
    assert.equal(await child.endedUnasked(), false);
  });

  it('that fails to start is told with the last lines of its log', async () => {
    const lines = LOG_LINES_MAX + 3;
    const script = `for (let n = 1; n <= ${lines}; n++) console.error('line ' + n); process.exit(1);`;
    const child = new Child(guard, ['--version'], {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`,
    });
    await assert.rejects(child.ready(), (error: MeshError) => {
      assert.equal(error.code, 'ERR_NOT_READY');
      const said = error.message.split('\n').slice(1);
      assert.deepEqual(
        said.map((line) => line.trim()),
        Array.from({ length: LOG_LINES_MAX }, (_, n) => `line ${lines - LOG_LINES_MAX + 1 + n}`),
      );
      return true;
    });
  });
});
