import type { Bytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { DAY_MS, type UnixMs } from '../base/time.ts';

/** UTCTime, and GeneralizedTime in the years that UTCTime cannot tell, as RFC 5280 wants it, or in all. */
export type DerTimeForm = 'utc' | 'generalized' | 'generalized-in-any-year';

/** After so many years, which are so many days, the calendar is the same again. */
const CALENDAR_YEARS = 400;
const CALENDAR_DAYS = 146_097;

/** The content octets of a time, in `bytes` from `start` to `end`: to the second, in UTC. @throws ERR_DER for all else. */
export function readDerTime(bytes: Bytes, start: number, end: number, form: DerTimeForm): UnixMs {
  const yearDigits = form === 'utc' ? 2 : 4;
  if (end - start !== yearDigits + 11 || bytes[end - 1] !== 0x5a) refuse('time is not YYMMDDHHMMSSZ');
  let year = twoDigits(bytes, start);
  if (form === 'utc') year += year < 50 ? 2000 : 1900;
  else year = year * 100 + twoDigits(bytes, start + 2);
  if (form === 'generalized' && year >= 1950 && year < 2050) refuse('time from 1950 to 2049 is not UTCTime');
  const at = start + yearDigits;
  const month = twoDigits(bytes, at);
  const day = twoDigits(bytes, at + 2);
  const hour = twoDigits(bytes, at + 4);
  const minute = twoDigits(bytes, at + 6);
  const second = twoDigits(bytes, at + 8);
  if (hour > 23 || minute > 59 || second > 59 || day < 1 || day > daysOfMonth(year, month)) refuse('no such time');
  // Date.UTC takes the years 0 to 99 for 1900 to 1999. «Ever since» is the year 0 in some certificates.
  const past = year < 100 ? 1 : 0;
  const ms = Date.UTC(year + past * CALENDAR_YEARS, month - 1, day, hour, minute, second);
  return (ms - past * CALENDAR_DAYS * DAY_MS) as UnixMs;
}

function twoDigits(bytes: Bytes, at: number): number {
  const tens = (bytes[at] as number) - 0x30;
  const ones = (bytes[at + 1] as number) - 0x30;
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) refuse('time with something else than digits');
  return tens * 10 + ones;
}

function daysOfMonth(year: number, month: number): number {
  if (month < 1 || month > 12) return 0;
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function refuse(message: string): never {
  throw new MeshError('ERR_DER', message);
}
