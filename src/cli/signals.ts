/** How long a process may take to end in order after it was asked to; then it ends anyway. */
const END_MS_MAX = 10_000;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP. A second one ends the process at once: somebody is impatient, or the
 * first was not enough.
 */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (): void => {
      if (asked) process.exit(1);
      asked = true;
      setTimeout(() => process.exit(1), END_MS_MAX).unref();
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  });
}
