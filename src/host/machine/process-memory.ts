import { registerHooks } from 'node:module';
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** After the start: by then the certificates are judged and the first links stand. */
const SETTLE_MS = 10_000;

/**
 * How much garbage may gather beside what lives, in per cent, before it is collected: a node runs for months beside
 * others on a small machine. A tenth more work for the collector under attack, and a third less memory.
 */
const HEAP_GROWTH_PERCENT = 30;

/** Of V8, from the fastest to the best. */
const COMPILERS = ['sparkplug', 'maglev', 'turbofan'] as const;

/**
 * Helpers of V8's collector of new objects. They wake up to four threads for half a millisecond of work, which an idle
 * node has once in a minute.
 */
const HELPERS = ['parallel-scavenge', 'concurrent-array-buffer-sweeping'] as const;

/** Where zod has its messages in fifty languages: 1 MiB that nobody reads here. English comes from a file of its own. */
const LANGUAGES = '../locales/index.js';

/** So many collections of new objects within {@link BUSY_SPAN_MS} make a process a busy one. An idle node has one in half a minute. */
const BUSY_COLLECTIONS = 3;
const BUSY_SPAN_MS = 1_000;

/** Collections of garbage after which code that has not run is forgotten: in the field, and once at the end of the start. */
const CODE_AGE = 6;
const CODE_AGE_AT_START = 1;

/**
 * Makes this process one that mostly waits, for months. Called before anything else is loaded: what runs only once, at
 * the start, is then interpreted and never compiled, which takes no longer and leaves 10 MiB of compilers and machine
 * code out of memory. {@link settleMemorySoon} is called when the start is over.
 */
export function beSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  for (const part of [...COMPILERS, ...HELPERS]) setFlagsFromString(`--no-${part}`);
  leaveOutLanguages();
}

function leaveOutLanguages(): void {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === LANGUAGES && context.parentURL?.includes('/node_modules/zod/') === true
        ? { url: 'data:text/javascript,', format: 'module', shortCircuit: true }
        : next(specifier, context),
  });
}

/**
 * Has the garbage of the start collected once, and the memory given back. A process that then idles would keep it for
 * ever: too little happens in it for the collector to come again. Some 50 ms of work for some 15 MiB.
 */
export function settleMemorySoon(): void {
  compileWhenBusy();
  setTimeout(() => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options: object) => void;
    setFlagsFromString(`--bytecode-old-age=${CODE_AGE_AT_START}`);
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    setFlagsFromString(`--bytecode-old-age=${CODE_AGE}`);
  }, SETTLE_MS).unref();
}

/**
 * Lets V8 compile what is hot, and collect on all cores, as soon as there is work. Work makes garbage, so its collection
 * tells, and nothing has to wake up to look.
 */
function compileWhenBusy(): void {
  const recent: number[] = [];
  new PerformanceObserver((list, observer) => {
    for (const entry of list.getEntries()) if (isOfYoung(entry)) recent.push(entry.startTime);
    const last = recent.at(-1) ?? 0;
    while (recent[0] !== undefined && recent[0] < last - BUSY_SPAN_MS) recent.shift();
    if (recent.length < BUSY_COLLECTIONS) return;
    observer.disconnect();
    for (const part of [...COMPILERS, ...HELPERS]) setFlagsFromString(`--${part}`);
  }).observe({ entryTypes: ['gc'] });
}

function isOfYoung(entry: PerformanceEntry & { readonly detail?: { readonly kind?: number } }): boolean {
  return entry.detail?.kind === constants.NODE_PERFORMANCE_GC_MINOR;
}
