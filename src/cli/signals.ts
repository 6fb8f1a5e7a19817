import { EXIT_OK } from './output.ts';

/** How long a process may take to end in order after it was asked to; then it ends anyway. */
export const END_MS_MAX = 10_000;
/**
 * Signals so close to the first are the same wish: a terminal sends Ctrl-C to npm, to the launcher and to the program,
 * and the first two pass it on.
 */
const SAME_WISH_MS = 500;

/** Calls `first` when somebody asks this process to end, by SIGINT, SIGTERM or SIGHUP, and `again` at each later wish. */
export function onStopWish(first: () => void, again: () => void): void {
  let askedAt: number | undefined;
  const handle = (): void => {
    if (askedAt === undefined) {
      askedAt = performance.now();
      first();
    } else if (performance.now() - askedAt >= SAME_WISH_MS) again();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, handle);
}

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP. A second one ends the process at once: somebody is impatient, or the
 * first was not enough.
 */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    const end = (): never => process.exit(1);
    onStopWish(() => {
      setTimeout(end, END_MS_MAX).unref();
      resolve();
    }, end);
  });
}

/**
 * Waits for what is starting. A wish to end that comes before ends the process at once: nothing has begun that a kill
 * would harm, and the start may take long on a busy machine.
 */
export async function startedUnless<T>(stopped: Promise<void>, starting: Promise<T>): Promise<T> {
  let isStarted = false;
  void stopped.then(() => {
    if (!isStarted) process.exit(EXIT_OK);
  });
  const running = await starting;
  isStarted = true;
  return running;
}
