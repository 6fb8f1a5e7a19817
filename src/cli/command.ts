import { type Command, InvalidArgumentError, Option } from 'commander';
import { MeshError, messageOf } from '../base/errors.ts';
import { formatDuration, parseDuration } from '../base/duration.ts';
import { LOG_LEVELS } from '../daemon/log-level.ts';
import { splitAddress } from '../message/payloads/address.ts';
import { fillDirectory } from './hint.ts';
import { Output } from './output.ts';

/** What a command is handed: where to speak, and its options and arguments as commander parsed them. */
export interface Invocation<Options> {
  readonly output: Output;
  readonly options: Options;
  readonly args: readonly string[];
}

/**
 * Adds a command with what all of them have: `--json`, a worked example in its help, errors in the one form.
 *
 * @param usage name and arguments, as `create` or `send <file>`.
 * @param example what follows `$ ` in the help; several lines are several commands.
 */
export function addCommand(parent: Command, usage: string, summary: string, example: string): Command {
  return parent
    .command(usage)
    .summary(summary)
    .description(summary)
    .option('--json', 'one JSON document, or JSON lines where results stream')
    .addHelpText(
      'after',
      `\nExample:\n${example
        .split('\n')
        .map((line) => `  $ ${line}`)
        .join('\n')}`,
    );
}

/** A group of commands: `chainmail ticket …`. Alone it shows its help. */
export function addGroup(parent: Command, name: string, summary: string): Command {
  return parent.command(name).summary(summary).description(summary);
}

/** The group of commands that another file has added: that one stands before this in the row of `main.ts`. */
export function groupNamed(program: Command, name: string): Command {
  const group = program.commands.find((command) => command.name() === name);
  if (group === undefined) throw new RangeError(`the group of commands «${name}» comes first`);
  return group;
}

/** Turns a function into commander's action; what it throws is told in the one form. */
export function act<Options>(
  run: (invocation: Invocation<Options>) => Promise<void>,
): (...all: unknown[]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command;
    const options = command.opts<Options & { json?: boolean; dir?: string }>();
    const output = new Output(options.json === true, (hint) => fillDirectory(hint, groupOf(command), options.dir));
    try {
      requireNoEmptyOption(command);
      await run({ output, options, args: command.processedArgs.filter((arg) => typeof arg === 'string') });
    } catch (error) {
      output.fail(error);
    }
  };
}

/** The first word of a command after the program's name. */
function groupOf(command: Command): string {
  const { parent } = command;
  return parent?.parent == null ? command.name() : groupOf(parent);
}

/** An option that is given and empty is a variable that was not set: `--dir ""` must not mean the current folder. */
function requireNoEmptyOption(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName();
    if (command.getOptionValueSource(name) !== 'cli') continue;
    const value: unknown = command.getOptionValue(name);
    if (value === '' || (Array.isArray(value) && value.includes('')))
      throw new MeshError('ERR_USAGE', `option ${option.flags} is empty`, `leave it out, or say which`);
  }
}

/** Parser of an option that is a span of time. @returns milliseconds. */
export function durationOption(text: string): number {
  return checked(() => parseDuration(text));
}

/** As {@link durationOption}, where a span may be none: `0s`. */
export function windowOption(text: string): number {
  return checked(() => parseDuration(text, 0));
}

/** As {@link durationOption}, within bounds. */
export function spanOption(minMs: number, maxMs: number): (text: string) => number {
  return (text) => {
    const ms = durationOption(text);
    if (ms < minMs || ms > maxMs)
      throw new InvalidArgumentError(`expected ${formatDuration(minMs)} to ${formatDuration(maxMs)}`);
    return ms;
  };
}

/** Parser of an option that is `HOST:PORT`; port 0, any free one, where `portMin` is 0. */
export function addressOption(portMin: 0 | 1): (text: string) => string {
  return textOption((text) => splitAddress(text, portMin));
}

/** How much a process that goes on says on standard error. */
export function logLevelOption(byDefault: string): Option {
  return new Option('--log-level <level>', `on standard error (default: ${byDefault})`).choices(LOG_LEVELS);
}

/**
 * A date or time of ISO 8601 as milliseconds since 1970; without a zone it is UTC, whatever the machine's is.
 * @returns NaN for anything else, and for days that no calendar has, which `Date.parse` takes for later ones.
 */
export function msOfDate(text: string): number {
  const [, day, time, zone] = /^([0-9]{4}-[0-9]{2}-[0-9]{2})(T.*?(Z|[+-][0-9]{2}:[0-9]{2})?)?$/.exec(text) ?? [];
  const at = Date.parse(day ?? '');
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== day) return Number.NaN;
  return Date.parse(time !== undefined && zone === undefined ? `${text}Z` : text);
}

/** Parser of an option that is a whole number within bounds. */
export function integerOption(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?[0-9]{1,16}$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}`);
    return value;
  };
}

/** Parser of an option whose text goes on as it is; it is held against `parse`, which throws. */
export function textOption(parse: (text: string) => unknown): (text: string) => string {
  return (text) => {
    checked(() => parse(text));
    return text;
  };
}

/** Parser of an option that may stand several times; each is held against `parse`, which throws. */
export function repeatedOption(
  parse: (text: string) => unknown = (text) => text,
): (text: string, before: readonly string[] | undefined) => readonly string[] {
  return (text, before) => {
    checked(() => parse(text));
    return [...(before ?? []), text];
  };
}

/** Makes a parser's refusal one of the option: wrong usage, told before anything is done. */
function checked<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw error;
    throw new InvalidArgumentError(messageOf(error));
  }
}
