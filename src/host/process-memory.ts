import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** After the start: by then the certificates are judged and the first links stand. */
const SETTLE_MS = 10_000;

/**
 * Has the garbage of the start collected once, and the memory given back. A process that then idles would keep it for
 * ever: too little happens in it for the collector to come again. Some 20 ms of work for some 15 MiB.
 */
export function settleMemorySoon(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options: object) => void;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, SETTLE_MS).unref();
}
