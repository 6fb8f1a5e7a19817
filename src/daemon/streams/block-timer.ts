import { messageOf } from '../../base/errors.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import type { StreamService } from '../../streams/stream-service.ts';
import type { Log } from '../log.ts';

/** Wakes the service when blocks are due, and sleeps when none will be. */
export class BlockTimer {
  readonly #log: Log;
  #streams: StreamService | undefined;
  #timeout: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  start(streams: StreamService): void {
    this.#streams = streams;
    this.arm();
  }

  arm(): void {
    const deadline = this.#streams?.deadline();
    if (deadline === undefined || this.#timeout !== undefined || this.#running !== undefined || this.#isClosed) return;
    this.#timeout = setTimeout(() => this.#wake(), Math.max(0, deadline - systemClock.monotonic()));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timeout);
    await this.#running;
  }

  #wake(): void {
    this.#timeout = undefined;
    this.#running = (this.#streams as StreamService)
      .handleTimeout(systemClock.now())
      .catch((error: unknown) => this.#log.warn({ reason: messageOf(error) }, 'a block could not be made'))
      .finally(() => {
        this.#running = undefined;
        this.arm();
      });
  }
}
