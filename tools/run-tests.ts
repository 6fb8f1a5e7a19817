/**
 * `npm test [-- PATH... FLAG...]`: runs the test files, prints a line for each, then every failure in full, what was
 * skipped and why, and as its last line `N passed, N failed, N skipped`. Exits 0 when all is well, 1 when not.
 *
 * PATH is a file or folder; without one, everything but the long runs in `test/soak`. A process that a test leaves
 * behind is a failure too, and is ended.
 */

import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { endLeftovers, killByArgument, markProcesses, workMsOf } from './leftovers.ts';
import { QuietFiles } from './quiet-files.ts';
import { filesUnder, pathInRepository, REPOSITORY } from './repository.ts';
import { TestReport } from './test-report.ts';

/** A test that takes longer hangs: the slowest takes a third of this on two busy cores. */
const TEST_TIMEOUT_MS = 120_000;

/** How much longer than one test a file may be quiet, before it is killed: it must still load and end. */
const QUIET_MARGIN_MS = 30_000;

/** Long runs: started by their path, or all by `--soak`, which is `npm run soak`. */
const SOAK_FOLDER = 'test/soak/';

const USAGE = `usage: npm test [-- [PATH...] [--test-name-pattern REGEX]... [--test-skip-pattern REGEX]...
                 [--test-only] [--test-concurrency N] [--test-timeout MS] [--soak]]
example: npm test -- test/pki --test-name-pattern "expired"`;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  let files: readonly string[];
  let flags: ReturnType<typeof parseFlags>['values'];
  try {
    const parsed = parseFlags(argv);
    flags = parsed.values;
    files = testFiles(parsed.positionals, flags.soak === true);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  process.chdir(REPOSITORY);
  const mark = markProcesses();
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

  const report = new TestReport((line) => console.log(line));
  const timeoutMs = Number(flags['test-timeout'] ?? TEST_TIMEOUT_MS);
  const work = (file: string): number | undefined => workMsOf(mark, pathInRepository(file));
  const quiet = new QuietFiles(timeoutMs + QUIET_MARGIN_MS, work, (file) => {
    const name = pathInRepository(file);
    report.fail(`${name} went quiet and was killed: an endless loop, or something left open after its last test`);
    killByArgument(mark, name);
  });
  const events = run({
    files: [...files],
    concurrency: Number(flags['test-concurrency'] ?? Math.max(2, availableParallelism())),
    timeout: timeoutMs,
    only: flags['test-only'] ?? false,
    testNamePatterns: (flags['test-name-pattern'] ?? []).map((pattern) => new RegExp(pattern)),
    testSkipPatterns: (flags['test-skip-pattern'] ?? []).map((pattern) => new RegExp(pattern)),
    signal: interrupt.signal,
  });
  for await (const event of events as AsyncIterable<TestEvent>) {
    quiet.handle(event);
    report.handle(event);
  }
  quiet.close();

  for (const leftover of await endLeftovers(mark)) report.fail(`left running by a test: ${leftover}`);
  if (interrupt.signal.aborted) report.fail('interrupted');
  return report.finish() ? 0 : 1;
}

function parseFlags(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      'test-name-pattern': { type: 'string', multiple: true },
      'test-skip-pattern': { type: 'string', multiple: true },
      'test-only': { type: 'boolean' },
      'test-concurrency': { type: 'string' },
      'test-timeout': { type: 'string' },
      soak: { type: 'boolean' },
    },
  });
}

/** @throws Error where a path is not there, or no test file lies under it. */
function testFiles(paths: readonly string[], isSoak: boolean): readonly string[] {
  if (paths.length === 0)
    return filesUnder('test', '.test.ts').filter((file) => file.startsWith(SOAK_FOLDER) === isSoak);
  return paths.flatMap((path) => {
    const full = [resolve(path), resolve(REPOSITORY, path)].find((candidate) => existsSync(candidate));
    if (full === undefined) throw new Error(`${path}: no such file or folder`);
    const name = pathInRepository(full);
    if (!statSync(full).isDirectory()) return [name];
    const files = filesUnder(name, '.test.ts');
    if (files.length === 0) throw new Error(`${path}: no *.test.ts in it`);
    return files;
  });
}
