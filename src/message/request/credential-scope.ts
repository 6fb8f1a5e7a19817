import { quoted } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import type { RequestAlgorithm } from './algorithm.ts';
import { malformed } from './http-request.ts';

/** How every scope ends. */
export const SCOPE_TERMINATOR = 'aws4_request';

/** What a signature is good for. */
export interface CredentialScope {
  /** `yyyymmdd`. */
  readonly date: string;
  /** SigV4 only: SigV4A names its regions in a header of their own. */
  readonly region: string | undefined;
  readonly service: string;
  readonly terminator: string;
}

/** Characters of an access key id; AWS's have 16 to 128. */
export const ACCESS_KEY_ID_CHARS_MAX = 128;

/** `date/region/service/aws4_request`, or without the region in SigV4A. */
export function formatScope({ date, region, service, terminator }: CredentialScope): string {
  return [date, ...(region === undefined ? [] : [region]), service, terminator].join('/');
}

/**
 * `ACCESS-KEY-ID/scope`. What the scope says is not judged here.
 * @throws ERR_REQUEST_MALFORMED
 */
export function parseCredential(
  text: string,
  algorithm: RequestAlgorithm,
): { readonly accessKeyId: string; readonly scope: CredentialScope } {
  const parts = text.split('/');
  const isWhole =
    parts.length === (algorithm === 'sigv4' ? 5 : 4) && parts.every((part) => /^[\x21-\x7e]+$/.test(part));
  const [accessKeyId = '', date = '', ...rest] = parts;
  if (!isWhole || accessKeyId.length > ACCESS_KEY_ID_CHARS_MAX || !/^[0-9]{8}$/.test(date))
    throw malformed(
      `credential ${quoted(text)} is not ID/yyyymmdd/${algorithm === 'sigv4' ? 'REGION/' : ''}SERVICE/aws4_request`,
    );
  const [terminator = '', service = '', region] = rest.toReversed();
  return { accessKeyId, scope: { date, region, service, terminator } };
}

/** `yyyymmddThhmmssZ`. */
export function formatTimestamp(at: UnixMs): string {
  return new Date(at).toISOString().replace(/[-:]|\.[0-9]{3}/g, '');
}

/** @throws ERR_REQUEST_MALFORMED for anything but `yyyymmddThhmmssZ` of a moment that is in the calendar. */
export function parseTimestamp(text: string): UnixMs {
  const parts = /^([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z$/.exec(text);
  const [, year, month, day, hour, minute, second] = parts ?? [];
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) as UnixMs;
  if (parts === null || Number.isNaN(at) || formatTimestamp(at) !== text)
    throw malformed(`date ${quoted(text)} is not a moment of the form yyyymmddThhmmssZ`);
  return at;
}

/** The day of a timestamp, as a scope has it. */
export function dayOf(timestamp: string): string {
  return timestamp.slice(0, 8);
}
