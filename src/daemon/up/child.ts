import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { MeshError, quoted } from '../../base/errors.ts';
import type { Guard } from './guard.ts';
import { parseJson } from '../../codec/json.ts';

/** A process that does not say that it is ready in this time will not. */
export const READY_MS_MAX = 20_000;
/** A process that has been asked to end is killed after this. */
export const STOP_MS_MAX = 5_000;
/** Last lines of a child's log that are shown where it fails to start. */
export const LOG_LINES_MAX = 5;

/** The launcher of this very installation, seen from `src/` and from `dist/` alike. */
const LAUNCHER = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'bin', 'chainmail.mjs');

/** What a child prints first: `{"event":"ready", ...}`. */
export type ReadyLine = Readonly<Record<string, unknown>> & { readonly event: 'ready' };

/** A `chainmail` command as a process of its own, which ends when this process ends, however it ends. */
export class Child {
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #log: string[] = [];
  #isRunning = true;
  #isAsked = false;

  /** @param args such as `['node', 'run', '--dir', DIR, '--json']`. */
  constructor(guard: Guard, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#process = spawn(process.execPath, [LAUNCHER, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment, CHAINMAIL_LAUNCHER_FD: '3' },
      // Out of the terminal's group: Ctrl-C is for this process, which ends its children in order.
      detached: true,
    });
    const { pid } = this.#process;
    if (pid !== undefined) guard.watch(pid);
    this.#exited = new Promise((resolve) => {
      const ended = (): void => {
        this.#isRunning = false;
        if (pid !== undefined) guard.forget(pid);
        resolve();
      };
      this.#process.once('exit', ended);
      this.#process.once('error', (error) => {
        this.#log.push(error.message);
        if (pid === undefined) ended(); // it never began
      });
    });
    createInterface({ input: this.#process.stderr as Readable }).on('line', (line) => {
      this.#log.push(line);
      if (this.#log.length > LOG_LINES_MAX) this.#log.shift();
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  /** The first line that the process prints. @throws ERR_NOT_READY with the end of its log where none comes. */
  async ready(): Promise<ReadyLine> {
    const lines = createInterface({ input: this.#process.stdout as Readable });
    const first = Promise.withResolvers<string | undefined>();
    const timer = setTimeout(() => first.resolve(undefined), READY_MS_MAX);
    lines.once('line', first.resolve);
    void this.#exited.then(() => first.resolve(undefined));
    const line = await first.promise;
    clearTimeout(timer);
    const ready = line === undefined ? undefined : parseReady(line);
    if (ready !== undefined) return ready;
    const said = this.#log.length === 0 ? 'it said nothing' : `it said:\n  ${this.#log.join('\n  ')}`;
    throw new MeshError('ERR_NOT_READY', `${this.#process.spawnargs.slice(2, 4).join(' ')} did not start; ${said}`);
  }

  /** Resolves when the process ends, true where nobody here asked for it. */
  async endedUnasked(): Promise<boolean> {
    await this.#exited;
    return !this.#isAsked;
  }

  /** Asks the process to end, then makes it. */
  async stop(): Promise<void> {
    this.#isAsked = true;
    if (!this.#isRunning) return;
    this.#process.kill('SIGTERM');
    const killer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS_MAX);
    await this.#exited;
    clearTimeout(killer);
  }

  /** Ends the process at once. */
  kill(): void {
    this.#isAsked = true;
    if (this.#isRunning) this.#process.kill('SIGKILL');
  }
}

function parseReady(line: string): ReadyLine | undefined {
  try {
    const value = parseJson(line);
    if (typeof value === 'object' && value !== null && 'event' in value && value.event === 'ready')
      return value as ReadyLine;
  } catch {
    // falls through to the error
  }
  throw new MeshError('ERR_NOT_READY', `a process printed ${quoted(line)} where its ready line was expected`);
}
