import { errorEntry } from '../base/error-codes.ts';
import { knownError, MeshError, messageOf } from '../base/errors.ts';

/** The command did what it was asked. */
export const EXIT_OK = 0;
/** It was refused, or failed. */
export const EXIT_REFUSED = 1;
/** The command line itself was wrong. */
export const EXIT_USAGE = 2;

/**
 * Where a command speaks: results to standard output, as text or with `--json` as JSON, everything else to standard
 * error. */
export class Output {
  readonly isJson: boolean;
  readonly #completeHint: (hint: string) => string;

  /** @param completeHint puts into a hint what the command was given. */
  constructor(isJson: boolean, completeHint: (hint: string) => string = (hint) => hint) {
    this.isJson = isJson;
    this.#completeHint = completeHint;
  }

  /** The one result of a command: a JSON document, or its text. */
  result(json: unknown, text: string): void {
    process.stdout.write(this.isJson ? `${JSON.stringify(json)}\n` : endLine(text));
  }

  /** One of many results: a JSON line, or a line of text. `undefined` text is said to programs only. */
  event(json: unknown, text?: string): void {
    if (this.isJson) process.stdout.write(`${JSON.stringify(json)}\n`);
    else if (text !== undefined) process.stdout.write(endLine(text));
  }

  /** Bytes as they are: an exported file. */
  raw(bytes: Uint8Array | string): void {
    process.stdout.write(bytes);
  }

  /** Progress and advice, for people. */
  note(text: string): void {
    process.stderr.write(endLine(text));
  }

  /** Says what went wrong and sets the exit code: 2 for a wrong command line, else 1. */
  fail(error: unknown): void {
    const known = knownError(error) ?? new MeshError('ERR_INTERNAL', messageOf(error), unexpectedHint(error));
    const isUsage = errorEntry(known.code).isUsage === true; // as text to standard error, with `--json` too
    const hint = known.hint === undefined ? undefined : this.#completeHint(known.hint);
    process.exitCode = isUsage ? EXIT_USAGE : EXIT_REFUSED;
    if (this.isJson && !isUsage) {
      const { code, message } = known;
      const { river } = errorEntry(code);
      const error = {
        code,
        ...(river === undefined ? {} : { river_code: river }),
        message,
        ...(hint === undefined ? {} : { hint }),
      };
      this.result({ ok: false, error }, '');
      return;
    }
    process.stderr.write(`chainmail: error: ${known.message}\n`);
    if (hint !== undefined) process.stderr.write(`chainmail: hint: ${hint}\n`);
  }
}

function endLine(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/**
 * A reader that has gone (`chainmail --help | head`) ends the program in silence, whatever was being printed. A command
 * that ends in order on SIGTERM does so here too.
 */
export function endWithReader(): void {
  let isGone = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      new Output(false).fail(error); // a full disk behind it
      process.exit();
    }
    if (isGone) return; // every later line fails alike
    isGone = true;
    if (process.listenerCount('SIGTERM') === 0) process.exit(EXIT_OK);
    process.emit('SIGTERM', 'SIGTERM');
  });
  // Standard error carries advice: a command whose advice nobody reads does its work all the same.
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** A bug of ours: where it happened is worth more than advice. */
function unexpectedHint(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  const frame = error.stack.split('\n').find((line) => line.trimStart().startsWith('at '));
  return `this should not happen; please report it${frame === undefined ? '' : ` (${frame.trim()})`}`;
}
