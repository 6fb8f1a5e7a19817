import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { MeshError, quoted } from '../../base/errors.ts';

/** A process that does not say that it is ready in this time will not. */
const READY_MS_MAX = 20_000;
/** A process that has been asked to end is killed after this. */
const STOP_MS_MAX = 5_000;
/** Last lines of a child's log that are shown where it fails to start. */
const LOG_LINES_MAX = 5;

/** The launcher of this very installation, seen from `src/` and from `dist/` alike. */
const LAUNCHER = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'bin', 'chainmail.mjs');

/** What a child prints first: `{"event":"ready", ...}`. */
export type ReadyLine = Readonly<Record<string, unknown>> & { readonly event: 'ready' };

/** A `chainmail` command as a process of its own, which ends when this process ends, however it ends. */
export class Child {
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #log: string[] = [];

  /** @param args such as `['node', 'run', '--dir', DIR, '--json']`. */
  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#process = spawn(process.execPath, [LAUNCHER, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment, CHAINMAIL_LAUNCHER_FD: '3' },
    });
    this.#exited = once(this.#process, 'exit');
    this.#exited.catch(() => undefined);
    createInterface({ input: this.#process.stderr as Readable }).on('line', (line) => {
      this.#log.push(line);
      if (this.#log.length > LOG_LINES_MAX) this.#log.shift();
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** The first line that the process prints. @throws ERR_NOT_READY with the end of its log where none comes. */
  async ready(): Promise<ReadyLine> {
    const lines = createInterface({ input: this.#process.stdout as Readable });
    const line = await Promise.race([
      once(lines, 'line', { signal: AbortSignal.timeout(READY_MS_MAX) }).then(([text]) => String(text)),
      this.#exited.then(() => undefined),
    ]).catch(() => undefined);
    const ready = line === undefined ? undefined : parseReady(line);
    if (ready !== undefined) return ready;
    const said = this.#log.length === 0 ? 'it said nothing' : `it said:\n  ${this.#log.join('\n  ')}`;
    throw new MeshError('ERR_NOT_READY', `${this.#process.spawnargs.slice(2, 4).join(' ')} did not start; ${said}`);
  }

  /** Asks the process to end, then makes it. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.#process.kill('SIGTERM');
    const killer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS_MAX);
    await this.#exited;
    clearTimeout(killer);
  }
}

function parseReady(line: string): ReadyLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && 'event' in value && value.event === 'ready')
      return value as ReadyLine;
  } catch {
    // falls through to the error
  }
  throw new MeshError('ERR_NOT_READY', `a process printed ${quoted(line)} where its ready line was expected`);
}
