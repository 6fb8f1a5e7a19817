import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MeshError } from '../base/errors.ts';
import { parseJson } from '../codec/json.ts';

const PACKAGE = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * The program as it is installed: JavaScript, nothing of the compiler in memory. Run from sources, it is built into a
 * temporary folder first.
 */
export class BuiltProgram {
  /** For whatever belongs to the run; goes with {@link remove}. */
  readonly folder: string;
  readonly #launcher: string;
  readonly #children: ChildProcess[] = [];

  private constructor(folder: string, launcher: string) {
    this.folder = folder;
    this.#launcher = launcher;
  }

  static async make(): Promise<BuiltProgram> {
    const folder = mkdtempSync(join(tmpdir(), 'chainmail-bench-'));
    if (!import.meta.url.endsWith('.ts')) return new BuiltProgram(folder, join(PACKAGE, 'bin', 'chainmail.mjs'));
    const compiler = join(PACKAGE, 'node_modules', '.bin', 'tsc');
    if (!existsSync(compiler))
      throw new MeshError('ERR_NOT_FOUND', 'there is no compiler to build the program with', 'run npm ci first');
    const root = join(folder, 'package');
    mkdirSync(join(root, 'bin'), { recursive: true });
    copyFileSync(join(PACKAGE, 'bin', 'chainmail.mjs'), join(root, 'bin', 'chainmail.mjs'));
    copyFileSync(join(PACKAGE, 'package.json'), join(root, 'package.json'));
    symlinkSync(join(PACKAGE, 'node_modules'), join(root, 'node_modules'));
    const project = join(PACKAGE, 'tsconfig.build.json');
    await promisify(execFile)(compiler, ['-p', project, '--outDir', join(root, 'dist')]);
    return new BuiltProgram(folder, join(root, 'bin', 'chainmail.mjs'));
  }

  /** Runs a command to its end. @returns what it printed. */
  async run(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [this.#launcher, ...args]);
    return stdout;
  }

  /** Starts a command that runs on. @returns its process and the first line that it printed, as JSON. */
  async start(...args: readonly string[]): Promise<{ readonly pid: number; readonly ready: Record<string, unknown> }> {
    const child = this.#spawn([this.#launcher, ...args]);
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }), 'line'),
      once(child, 'exit').then(() => Promise.reject(new MeshError('ERR_NOT_READY', `${args.join(' ')} did not start`))),
    ])) as [string];
    return { pid: child.pid as number, ready: parseJson(line) as Record<string, unknown> };
  }

  /** A process of Node.js that runs and does nothing. */
  async startBare(): Promise<number> {
    const child = this.#spawn(['-e', 'console.log("up"); setInterval(() => undefined, 2 ** 30)']);
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
    return child.pid as number;
  }

  /** Ends what was started and removes the folder. */
  async remove(): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    return child;
  }
}
