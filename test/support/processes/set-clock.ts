import { globSync, writeFileSync } from 'node:fs';
import { missing } from '../foreign/programs.ts';

/** The library that shows a process another time. */
const [LIBRARY] = globSync('/usr/{lib,lib/*}/faketime/libfaketime.so.1');

/** Why tests that set the clocks of processes cannot run here, for their `skip` option. */
export const missingFaketime: string | false = missing('faketime') || (LIBRARY === undefined && 'no libfaketime');

/** A wall clock that processes are started on, and that is set while they run. Their timers go on as they do. */
export class SetClock {
  readonly #file: string;

  /** @param file of its own. */
  constructor(file: string, shows = '+0') {
    this.#file = file;
    this.set(shows);
  }

  /** @param shows `+30h` and the like, against the true time; or a date after an `@`, from which it goes on. */
  set(shows: string): void {
    writeFileSync(this.#file, `${shows}\n`);
  }

  /** For processes that go by it. They look at it once a second. */
  get environment(): NodeJS.ProcessEnv {
    return {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }
}
