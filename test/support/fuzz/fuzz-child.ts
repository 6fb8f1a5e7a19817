/**
 * `node --max-old-space-size=N test/support/fuzz/fuzz-child.ts TARGET SEED INPUTS FILE`: feeds one target, in a process
 * that may be killed. Each input is written to FILE before it is fed, so that whoever kills it knows the last one. A line
 * of standard output now and then says that it lives; the last one is `{"taken","refused"}`.
 */

import { openSync, ftruncateSync, writeSync } from 'node:fs';
import { ALL_TARGETS } from './all-targets.ts';
import { runFuzz } from './run-fuzz.ts';

/** Memory of the process, heap and buffers together; a parser that follows a claimed length goes through it at once. */
const RESIDENT_MIB_MAX = 640;
const INPUTS_A_LINE = 5_000;

const [name, seed = '1', inputs = '1000', file = '/dev/null'] = process.argv.slice(2);
const target = ALL_TARGETS.find((candidate) => candidate.name === name);
if (target === undefined)
  throw new Error(`no target ${name}; expected ${ALL_TARGETS.map((each) => each.name).join(', ')}`);
const last = openSync(file, 'w', 0o600);
let lastLineAt = performance.now();
const counts = await runFuzz(target, {
  seed,
  inputs: Number(inputs),
  onInput: (index, input) => {
    if (file !== '/dev/null') {
      writeSync(last, input, 0, input.length, 0);
      ftruncateSync(last, input.length);
    }
    if (index % INPUTS_A_LINE !== 0 && performance.now() < lastLineAt + 5_000) return;
    lastLineAt = performance.now();
    const residentMiB = Math.round(process.memoryUsage.rss() / 2 ** 20);
    console.log(JSON.stringify({ index, residentMiB }));
    if (residentMiB > RESIDENT_MIB_MAX) throw new Error(`${name} holds ${residentMiB} MiB after ${index} inputs`);
  },
});
console.log(JSON.stringify(counts));
process.exit(0); // some subjects leave timers behind
