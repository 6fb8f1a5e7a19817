import { MeshError, quoted } from './errors.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './time.ts';

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND_MS,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
};

/** Longest span that can be given: a hundred years. */
export const DURATION_MS_MAX = 36_500 * DAY_MS;

/**
 * A span as people write it: `24h`, `90s`, `1h30m`, `500ms`. The one place where such text is read.
 * @param minMs 0 where no time at all is a wish too: `0s`.
 * @throws ERR_INPUT
 */
export function parseDuration(text: string, minMs: 0 | 1 = 1): number {
  if (!/^(?:[0-9]{1,9}(?:ms|[smhd]))+$/.test(text)) refuse(text);
  let spanMs = 0;
  for (const [, digits, unit] of text.matchAll(/([0-9]+)(ms|[smhd])/g))
    spanMs += Number(digits) * (UNITS_MS[unit as string] as number);
  if (spanMs < minMs || spanMs > DURATION_MS_MAX) refuse(text);
  return spanMs;
}

function refuse(text: string): never {
  throw new MeshError('ERR_INPUT', `duration ${quoted(text)}, expected such as 30s, 15m, 24h or 7d`);
}

/** The shortest text that {@link parseDuration} reads back: `24h`, `1h30m`. */
export function formatDuration(spanMs: number): string {
  let rest = spanMs;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const unitMs = UNITS_MS[unit] as number;
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text === '' ? '0s' : text;
}
