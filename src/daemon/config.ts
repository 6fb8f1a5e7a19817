import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { describeIssue } from '../api/schema.ts';
import { MeshError, messageOf, quoted } from '../base/errors.ts';
import { MODE_PUBLIC, writeFileAtomic } from '../host/atomic-file.ts';
import { parseDuration } from './duration.ts';

/** In every directory of an authority or a node. */
export const CONFIG_FILE = 'chainmail.yaml';

/** Bytes of a configuration file: allow lists may be long. */
const CONFIG_BYTES_MAX = 1024 * 1024;

export interface ConfigSources {
  readonly directory: string;
  /** From the command line; `undefined` members were not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

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
    const variable = `CHAINMAIL_${knob.toUpperCase()}`;
    const text = sources.environment[variable];
    if (text !== undefined) knobs[knob] = parseYaml(text, `environment variable ${variable}`);
    if (sources.flags[knob] !== undefined) knobs[knob] = sources.flags[knob];
  }
  const parsed = schema.safeParse(knobs);
  if (!parsed.success)
    throw new MeshError(
      'ERR_CONFIG',
      `configuration of ${quoted(path)}: ${describeIssue(parsed.error)}`,
      `correct ${path}`,
    );
  return Object.freeze(parsed.data);
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
  const value = parseYaml(text, path) ?? {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new MeshError('ERR_CONFIG', `configuration ${quoted(path)}: expected «name: value» lines`);
  return value as Record<string, unknown>;
}

function parseYaml(text: string, where: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0, strict: true, logLevel: 'error' });
  } catch (error) {
    const [line = ''] = messageOf(error).split('\n');
    throw new MeshError('ERR_CONFIG', `${where} is not YAML: ${line}`);
  }
}
