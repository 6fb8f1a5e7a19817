import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as yaml from 'yaml';
import { z } from 'zod';
import { describeIssue } from '../api/schema.ts';
import { isMeshError, MeshError, messageOf, quoted } from '../base/errors.ts';
import { MODE_PUBLIC, writeFileAtomic } from '../host/files/atomic-file.ts';
import { splitAddress } from '../message/payloads/address.ts';
import { parseDuration } from '../base/duration.ts';
import { LOG_LEVELS } from './log-level.ts';

/** In every directory of an authority or a node. */
export const CONFIG_FILE = 'chainmail.yaml';

/** For what most processes do without: they are configured by comments. */
const load = createRequire(import.meta.url);

/** Bytes of a configuration file: allow lists may be long. */
export const CONFIG_BYTES_MAX = 1024 * 1024;

export interface ConfigSources {
  readonly directory: string;
  /** From the command line; `undefined` members were not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A knob that is a place to listen (`portMin` 0: any free port) or to be reached, as `HOST:PORT`. */
export function addressKnob(portMin: 0 | 1): z.ZodType<string, string> {
  return z.string().superRefine((text, context) => {
    try {
      splitAddress(text, portMin);
    } catch (error) {
      if (!isMeshError(error)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  });
}

/** How much the log of a process says. */
export const logLevelKnob = () => z.enum(LOG_LEVELS).default('info');

/** A knob that is a span of time, as text such as `24h`; milliseconds once read. */
export function durationKnob(): z.ZodType<number, string> {
  return z.string().transform((text, context) => {
    try {
      return parseDuration(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) });
      return z.NEVER;
    }
  });
}

/**
 * The configuration of a directory: each knob from the first of flags, environment and `chainmail.yaml` that has it,
 * checked whole and frozen. The variable of `some_knob` is `CHAINMAIL_SOME_KNOB`, its value YAML.
 *
 * @param schema a strict object: unknown members of the file are refused, because a misspelt knob is silently off.
 * @throws ERR_CONFIG naming the file or variable, the knob, and what was expected.
 */
export function loadConfig<S extends z.ZodObject>(schema: S, sources: ConfigSources): Readonly<z.output<S>> {
  const path = join(sources.directory, CONFIG_FILE);
  const knobs: Record<string, unknown> = { ...readYaml(path) };
  for (const knob of Object.keys(schema.shape)) {
    const variable = variableOf(knob);
    const text = sources.environment[variable];
    if (text !== undefined) knobs[knob] = parseYaml(text, `environment variable ${variable}`, `correct ${variable}`);
    if (sources.flags[knob] !== undefined) knobs[knob] = sources.flags[knob];
  }
  const parsed = schema.safeParse(knobs);
  if (!parsed.success) throw configError(parsed.error, path, sources);
  return Object.freeze(parsed.data);
}

/** Names the place where the wrong knob came from: that is the one to be mended. */
function configError(error: z.ZodError, path: string, { flags, environment }: ConfigSources): MeshError {
  const knob = String(error.issues[0]?.path[0] ?? '');
  const what = describeIssue(error);
  if (flags[knob] !== undefined)
    return new MeshError('ERR_CONFIG', `command line: ${what}`, 'correct the option; --help shows what it takes');
  if (environment[variableOf(knob)] !== undefined)
    return new MeshError('ERR_CONFIG', `environment variable ${variableOf(knob)}: ${what}`, 'correct it, or unset it');
  return new MeshError('ERR_CONFIG', `configuration ${quoted(path)}: ${what}`, `correct ${path}`);
}

function variableOf(knob: string): string {
  return `CHAINMAIL_${knob.toUpperCase()}`;
}

/** Writes the file that {@link loadConfig} reads; the text is the caller's, with its comments. */
export function writeConfig(directory: string, text: string): void {
  writeFileAtomic(join(directory, CONFIG_FILE), text, MODE_PUBLIC);
}

function readYaml(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new MeshError('ERR_CONFIG', `configuration ${quoted(path)}: ${messageOf(error)}`);
  }
  if (text.length > CONFIG_BYTES_MAX)
    throw new MeshError('ERR_CONFIG', `configuration ${quoted(path)} is longer than ${CONFIG_BYTES_MAX} characters`);
  const value = parseYaml(text, path, `correct ${path}`) ?? {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new MeshError('ERR_CONFIG', `configuration ${quoted(path)}: expected «name: value» lines`);
  return value as Record<string, unknown>;
}

function parseYaml(text: string, where: string, hint: string): unknown {
  if (/^(?:[ \t]*(?:#.*)?\r?\n)*$/.test(text)) return null;
  const { parse } = load('yaml') as typeof yaml;
  try {
    return parse(text, { maxAliasCount: 0, strict: true, logLevel: 'error' });
  } catch (error) {
    const [line = ''] = messageOf(error).split('\n');
    throw new MeshError('ERR_CONFIG', `${where} is not YAML: ${line.replace(/:$/, '')}`, hint);
  }
}
