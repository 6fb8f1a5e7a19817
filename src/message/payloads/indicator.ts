import { type Bytes, textOfUtf8 } from '../../base/bytes.ts';
import { MeshError, messageOf } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { parseJson } from '../../codec/json.ts';
import { INDICATOR_BYTES_MAX } from '../limits.ts';

/** A sign of something bad, for blocklists and detection rules (spec 03 section 4). */
export interface Indicator {
  readonly kind: 'hash' | 'rule' | 'pattern';
  /** 1 to 512 characters. With `pattern` a STIX 2.1 pattern. */
  readonly value: string;
  /** 0 to 100. */
  readonly risk: number;
  readonly labels: readonly string[];
  /** Absent: as long as the message lives. */
  readonly validUntil?: UnixMs;
}

/** Characters of a value. The longest STIX patterns in use are shorter; a log line often is not. */
export const VALUE_CHARACTERS_MAX = 512;
/** Labels classify (spec 03 section 4); more would be a text. */
export const LABELS_MAX = 8;
/** Characters of a label: some words. */
export const LABEL_CHARACTERS_MAX = 64;
const NO_LABELS: readonly string[] = Object.freeze([]);
const MEMBERS = new Set(['kind', 'value', 'risk', 'labels', 'valid_until']) as ReadonlySet<string>;

/**
 * Marks of a log line. Indicators tell what to look for, never what happened to whom (S1.15): a line break or
 * other control character, a date with a time of day (but not inside a STIX pattern, whose qualifiers hold
 * them as `t'...'`), a syslog priority or header, a level word in capitals before more text.
 */
const LOG_MARKS: readonly RegExp[] = [
  /\p{Cc}/u,
  /(?<!t')\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/,
  /\d{1,2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}/,
  /^<\d{1,3}>/,
  /^[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} /,
  /\b(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\b[\]:]? +\S+ +\S/,
];

function refuse(detail: string): never {
  throw new MeshError(
    'ERR_MESSAGE_PAYLOAD',
    `indicator: ${detail}`,
    'see docs/spec/03-messages-and-the-gate.md, Indicators',
  );
}

/** @throws ERR_MESSAGE_PAYLOAD for anything but an indicator. */
export function parseIndicator(payload: Bytes): Indicator {
  if (payload.length > INDICATOR_BYTES_MAX) refuse(`${payload.length} bytes, expected at most ${INDICATOR_BYTES_MAX}`);
  const object = parseObject(payload);
  for (const name in object)
    if (!MEMBERS.has(name))
      refuse(`no such member as ${JSON.stringify(name.slice(0, 32))}, expected ${[...MEMBERS].join(', ')}`);
  const { kind, value, risk, labels, valid_until } = object;
  if (kind !== 'hash' && kind !== 'rule' && kind !== 'pattern') refuse('kind: expected hash, rule or pattern');
  if (typeof value !== 'string' || value.length < 1 || characters(value) > VALUE_CHARACTERS_MAX)
    refuse(`value: expected text of 1 to ${VALUE_CHARACTERS_MAX} characters`);
  if (typeof risk !== 'number' || !Number.isInteger(risk) || risk < 0 || risk > 100)
    refuse('risk: expected an integer from 0 to 100');
  const parsedLabels = parseLabels(labels);
  if (isLikeLog(value) || parsedLabels.some(isLikeLog))
    refuse('looks like a log; send a hash, rule or pattern, never raw logs');
  const indicator = { kind, value, risk, labels: parsedLabels } as const;
  return valid_until === undefined ? indicator : { ...indicator, validUntil: parseTime(valid_until) };
}

function isLikeLog(text: string): boolean {
  for (const mark of LOG_MARKS) if (mark.test(text)) return true;
  return false;
}

function characters(text: string): number {
  return text.length <= VALUE_CHARACTERS_MAX ? text.length : [...text].length;
}

function parseObject(payload: Bytes): Record<string, unknown> {
  let json: unknown;
  try {
    json = parseJson(textOfUtf8(payload));
  } catch (error) {
    refuse(`expected JSON in UTF-8; ${messageOf(error)}`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) refuse('expected a JSON object');
  return json as Record<string, unknown>;
}

function parseLabels(labels: unknown): readonly string[] {
  if (labels === undefined) return NO_LABELS;
  if (!Array.isArray(labels) || labels.length > LABELS_MAX) refuse(`labels: expected at most ${LABELS_MAX}`);
  for (const label of labels as unknown[])
    if (typeof label !== 'string' || label.length < 1 || [...label].length > LABEL_CHARACTERS_MAX)
      refuse(`labels: expected texts of 1 to ${LABEL_CHARACTERS_MAX} characters`);
  return labels as string[];
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/** Date and time of day are left as they are by who counts them: `Date.parse` takes 30 February for 2 March. */
function isOnTheCalendar(text: string): boolean {
  const written = text.slice(0, 'yyyy-mm-ddThh:mm:ss'.length).toUpperCase();
  return new Date(`${written}Z`).toISOString().startsWith(written);
}

function parseTime(text: unknown): UnixMs {
  const at = typeof text === 'string' && RFC3339.test(text) ? Date.parse(text.toUpperCase()) : Number.NaN;
  if (Number.isNaN(at) || !isOnTheCalendar(text as string)) refuse('valid_until: expected an RFC 3339 time');
  return at as UnixMs;
}
