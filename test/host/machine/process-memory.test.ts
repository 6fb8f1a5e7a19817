import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';

const MODULE = new URL('../../../src/host/machine/process-memory.ts', import.meta.url).href;

/** Of what V8 tells of a function: that it runs as optimised machine code. */
const OPTIMIZED = 1 << 3;

/** In a process of its own, whose V8 is told to be small before anything else. @returns what it told of a hot function. */
function statusesAfter(script: string): number[] {
  const program = `
    const { beSmall, settleMemorySoon } = await import(${JSON.stringify(MODULE)});
    beSmall();
    const square = eval('(n) => { let sum = 0; for (let i = 0; i < n; i++) sum += i * i; return sum; }');
    const told = [];
    const heat = async () => {
      for (let i = 0; i < 100; i++) {
        for (let j = 0; j < 200; j++) square(200);
        await new Promise((resolve) => setImmediate(resolve));
      }
      told.push(eval('%GetOptimizationStatus(square)'));
    };
    const work = async () => {
      for (let i = 0; i < 20; i++) {
        globalThis.garbage = Array.from({ length: 200_000 }, () => ({}));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    ${script}
    console.log(JSON.stringify(told));
  `;
  const flags = ['--allow-natives-syntax', '--input-type=module', '-e', program];
  return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as number[];
}

it('a small process compiles nothing at its start, and what is hot once there is work', () => {
  const [before = 0, idle = 0, busy = 0] = statusesAfter(
    'await heat(); settleMemorySoon(); await heat(); await work(); await heat();',
  );
  assert.equal(before & OPTIMIZED, 0);
  assert.equal(idle & OPTIMIZED, 0, 'nothing happened meanwhile');
  assert.equal(busy & OPTIMIZED, OPTIMIZED);
});

/** Linux alone tells how often a thread has stopped to wait. */
const NO_THREADS = process.platform === 'linux' ? false : 'needs /proc';

it('a small process wakes no helpers to collect new objects', { skip: NO_THREADS }, () => {
  const wakeUpsOfHelpers = (isSmall: boolean): number => {
    const program = `
      const { readdirSync, readFileSync } = await import('node:fs');
      const { beSmall } = await import(${JSON.stringify(MODULE)});
      if (${isSmall}) beSmall();
      const wakeUps = () => {
        let sum = 0;
        for (const task of readdirSync('/proc/self/task')) {
          if (Number(task) === process.pid) continue;
          sum += Number(/^voluntary_ctxt_switches:\\s+(\\d+)/m.exec(readFileSync('/proc/self/task/' + task + '/status', 'utf8'))[1]);
        }
        return sum;
      };
      const before = wakeUps();
      for (let i = 0; i < 40; i++) {
        globalThis.garbage = Array.from({ length: 200_000 }, () => ({}));
        await new Promise((resolve) => setImmediate(resolve));
      }
      console.log(wakeUps() - before);
    `;
    return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }));
  };
  const [large, small] = [wakeUpsOfHelpers(false), wakeUpsOfHelpers(true)];
  assert.ok(small * 2 < large, `${small} wake-ups, where others have ${large}`);
});

it('a small process has the messages of zod in English alone', () => {
  const told = (isSmall: boolean): { readonly languages: number; readonly message: string } => {
    const program = `
      const { beSmall } = await import(${JSON.stringify(MODULE)});
      if (${isSmall}) beSmall();
      const { z } = await import(${JSON.stringify(import.meta.resolve('zod'))});
      const { message } = z.string().safeParse(1).error.issues[0];
      console.log(JSON.stringify({ languages: Object.keys(z.locales).length, message }));
    `;
    return JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }),
    ) as ReturnType<typeof told>;
  };
  const [large, small] = [told(false), told(true)];
  assert.deepEqual([large.languages > 10, small.languages], [true, 0]);
  assert.equal(small.message, large.message);
  assert.match(small.message, /expected string/);
});
