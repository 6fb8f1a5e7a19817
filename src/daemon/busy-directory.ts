import { isMeshError } from '../base/errors.ts';

/** How long a command waits for another one that has the directory for a moment, or for a process that is starting. */
export const DIRECTORY_BUSY_MS_MAX = 10_000;
/** Between two looks. */
export const BUSY_PAUSE_MS = 50;

/**
 * Tries again while another process has the directory.
 * @throws ERR_DIR_LOCKED where it has it for longer than {@link DIRECTORY_BUSY_MS_MAX}; whatever else `attempt` throws, at once.
 */
export async function whileBusy<T>(attempt: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += BUSY_PAUSE_MS) {
    try {
      return await attempt();
    } catch (error) {
      if (!isMeshError(error) || error.code !== 'ERR_DIR_LOCKED' || waitedMs >= DIRECTORY_BUSY_MS_MAX) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
  }
}
