import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tempDir } from '../temp-dir.ts';

const LAUNCHER = fileURLToPath(new URL('../../../bin/chainmail.mjs', import.meta.url));

export interface UpLine extends Readonly<Record<string, unknown>> {
  readonly event: string;
  readonly t_ms: number;
}

/** A running `chainmail up --json`, line by line. Its temporary folders are made in `folder`. */
export class UpProcess {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly lines: UpLine[] = [];
  #errors = '';
  #isClosed = false;
  readonly #closed: Promise<unknown>;
  readonly #waiting: (() => void)[] = [];

  constructor(t: TestContext, ...args: readonly string[]) {
    this.folder = tempDir(t);
    this.child = spawn(process.execPath, [LAUNCHER, 'up', '--json', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: this.folder },
    });
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as UpLine);
      this.#wake();
    });
    this.child.stderr?.on('data', (part) => (this.#errors += String(part)));
    this.#closed = once(this.child, 'close').then(() => {
      this.#isClosed = true;
      this.#wake();
    });
    t.after(() => this.child.kill('SIGKILL'));
  }

  /** What it said on standard error so far. */
  get errors(): string {
    return this.#errors;
  }

  all(event: string): readonly UpLine[] {
    return this.lines.filter((line) => line.event === event);
  }

  async exitCode(): Promise<number | null> {
    await this.#closed;
    return this.child.exitCode;
  }

  /** Resolves when so many of them were told; with fewer where the process ends before. */
  async until(event: string, count = 1): Promise<readonly UpLine[]> {
    while (this.all(event).length < count && !this.#isClosed)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.all(event);
  }

  /** Command lines of processes that still work in its folder. */
  remaining(): readonly string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => commandLine(pid))
      .filter((line) => line.includes(this.folder));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function isAlive(pid: unknown): boolean {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
}

export async function untilGone(pids: readonly unknown[]): Promise<void> {
  for (let tries = 0; pids.some(isAlive) && tries < 200; tries++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(pids.filter(isAlive), [], 'processes outlived their parent');
}
