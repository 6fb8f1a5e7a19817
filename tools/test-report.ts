import { resolve } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';
import { pathInRepository, REPOSITORY } from './repository.ts';

type Failure = Extract<TestEvent, { type: 'test:fail' }>['data'];

/** Turns the events of one run into lines: one a file as it ends, then failures, then what was skipped. */
export class TestReport {
  readonly #print: (line: string) => void;
  /** What each file wrote; shown only where it fails. */
  readonly #output = new Map<string, string>();
  /** Failures in full, in order. */
  readonly #failures: string[] = [];
  /** Files by the reason for which something in them was skipped. */
  readonly #skipped = new Map<string, Set<string>>();
  #passedCount = 0;
  #failedCount = 0;
  #skippedCount = 0;
  /** Names of the suites around the next test, by nesting. */
  readonly #suites = new Map<string, string[]>();

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  handle(event: TestEvent): void {
    switch (event.type) {
      case 'test:stdout':
      case 'test:stderr':
        this.#append(nameOfFile(event.data), event.data.message);
        return;
      case 'test:diagnostic':
        if (event.data.file !== undefined) this.#append(nameOfFile(event.data), `${event.data.message}\n`);
        return;
      case 'test:start':
        this.#enter(nameOfFile(event.data), event.data.nesting, event.data.name);
        return;
      case 'test:pass':
      case 'test:fail': {
        const { skip, todo, nesting } = event.data;
        const file = nameOfFile(event.data);
        const reason = skip === true ? 'no reason given' : skip === undefined ? todo && 'to do' : skip;
        if (typeof reason === 'string') this.#addSkip(reason, file);
        else if (event.type === 'test:fail') this.#addFailure(event.data);
        this.#suites.get(file)?.splice(nesting);
        return;
      }
      case 'test:summary':
        this.#handleSummary(event.data);
        return;
      default:
        return;
    }
  }

  /** A failure that is no test's. */
  fail(message: string): void {
    this.#failures.push(message);
    this.#failedCount++;
  }

  /** Prints failures, skips and the closing line. */
  finish(): boolean {
    if (this.#passedCount + this.#failedCount + this.#skippedCount === 0) this.fail('no test ran');
    for (const [i, failure] of this.#failures.entries()) this.#print(`\n${i + 1}) ${failure}`);
    if (this.#skipped.size > 0) this.#print('\nskipped:');
    for (const [reason, files] of [...this.#skipped].toSorted(([a], [b]) => (a < b ? -1 : 1)))
      this.#print(`  ${reason} (${[...files].join(', ')})`);
    this.#print(`\n${this.#passedCount} passed, ${this.#failedCount} failed, ${this.#skippedCount} skipped`);
    return this.#failedCount === 0;
  }

  /** Counts what the files report; the runner's own total counts each file as a test as well. */
  #handleSummary({ file, counts, duration_ms, success }: Extract<TestEvent, { type: 'test:summary' }>['data']): void {
    if (file === undefined) return;
    const skipped = counts.skipped + counts.todo;
    this.#passedCount += counts.passed;
    this.#failedCount += counts.tests - counts.passed - skipped;
    this.#skippedCount += skipped;
    if (success && counts.tests === 0) return; // nothing in it matched a pattern
    const details = [`${counts.passed} passed`, ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ');
    this.#print(
      `${success ? 'ok  ' : 'FAIL'} ${nameOfFile({ file })}  ${details}, ${(duration_ms / 1_000).toFixed(1)} s`,
    );
  }

  #append(file: string, text: string): void {
    this.#output.set(file, (this.#output.get(file) ?? '') + text);
  }

  #enter(file: string, nesting: number, name: string): void {
    const suites = this.#suites.get(file) ?? [];
    suites.splice(nesting, suites.length, name);
    this.#suites.set(file, suites);
  }

  #addSkip(reason: string, file: string): void {
    const files = this.#skipped.get(reason) ?? new Set();
    this.#skipped.set(reason, files.add(file));
  }

  #addFailure(failure: Failure): void {
    const { error } = failure.details;
    const failureType = 'failureType' in error ? error.failureType : undefined;
    if (failureType === 'subtestsFailed') return; // each of them is listed itself
    const fileName = nameOfFile(failure);
    if (failure.entryFile === undefined) {
      this.#failedCount++; // no test of the file counts it
      this.#print(`FAIL ${fileName}  ended with an error`);
    }
    const path = this.#suites.get(fileName)?.join(' > ') ?? failure.name;
    const output = this.#output.get(fileName);
    this.#output.delete(fileName); // once a file
    this.#failures.push(
      [
        `${path} (${nameOfFile({ file: failure.file })}:${failure.line ?? 1})`,
        indent(withoutRunner(inspect(error.cause ?? error, { depth: 5 }))),
        ...(output === undefined ? [] : [`   output of ${fileName}:`, indent(output.trimEnd())]),
      ].join('\n'),
    );
  }
}

/** The test file that ran, which need not be the one that the test is written in. */
function nameOfFile({ entryFile, file }: { readonly entryFile?: string; readonly file?: string | undefined }): string {
  const path = entryFile ?? file;
  return path === undefined ? '(unknown file)' : pathInRepository(resolve(REPOSITORY, path));
}

/** Leaves out the stack lines inside Node.js, which are the test runner's. */
function withoutRunner(text: string): string {
  return text.replaceAll(/\n +at [^\n]*\bnode:(?:internal|async_hooks)[^\n]*?( \{)?(?=\n|$)/g, '$1');
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '     ');
}
