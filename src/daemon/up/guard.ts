import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/** Keeps the process ids that it is told, and kills what is left of them when nobody can tell it any more. */
const SCRIPT = `
pids=
while read -r what pid; do
  case $what in
    +) pids="$pids $pid" ;;
    -) left=; for each in $pids; do [ "$each" = "$pid" ] || left="$left $each"; done; pids=$left ;;
  esac
done
[ -z "$pids" ] || kill -KILL $pids
`;

/**
 * Ends the children of this process where it is killed outright and cannot do so itself.
 *
 * They notice by themselves as well (`bin/chainmail.mjs`, the pipe to the launcher), but only when their event loop turns: while
 * six of them load their code on a busy machine that takes seconds. A shell that sleeps in `read` wakes at once.
 * Where there is no `/bin/sh` their own notice remains.
 */
export class Guard {
  readonly #process: ChildProcess;
  readonly #input: Writable;
  readonly #exited: Promise<void>;

  constructor() {
    this.#process = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.#input = this.#process.stdin as Writable;
    this.#input.on('error', () => {}); // it is gone: see above
    this.#exited = new Promise((resolve) => {
      this.#process.once('exit', () => resolve());
      this.#process.once('error', () => resolve());
    });
  }

  watch(pid: number): void {
    this.#input.write(`+ ${pid}\n`);
  }

  /** For a child that has ended: its number may be another's soon. */
  forget(pid: number): void {
    this.#input.write(`- ${pid}\n`);
  }

  /** Returns when the guard is gone. */
  async end(): Promise<void> {
    this.#input.end();
    await this.#exited;
  }
}
