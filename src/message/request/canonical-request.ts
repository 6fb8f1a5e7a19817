import { toHex } from '../../base/bytes.ts';
import { sha256 } from '../../crypto/hash.ts';
import { type HttpHeader, malformed, octetsOf, type RequestHead } from './http-request.ts';
import { decodeUri, encodeUri } from './uri-encoding.ts';

/** One parameter of a query, decoded; one character stands for one octet. */
export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

/** Parameters of one query: each is looked at for being one of the signature's. */
export const QUERY_PARAMETERS_MAX = 256;

/**
 * Values of each header by its lower-case name, in the order in which they came, white space trimmed and its inner runs
 * made one blank.
 */
export type HeaderValues = ReadonlyMap<string, readonly string[]>;

/** What is signed of a request, and how. */
export interface CanonicalForm {
  readonly headers: HeaderValues;
  /** Removes `.`, `..` and empty segments from the path first, as most signers do. */
  readonly normalizePath: boolean;
  /** Lower case, sorted, each once. */
  readonly signedHeaders: readonly string[];
  /** Without the signature itself. */
  readonly query: readonly QueryParameter[];
  /** Hex of the SHA-256 of the body, or the literal that stands for it in a chain. */
  readonly payloadHash: string;
}

/**
 * The canonical request of SigV4 (spec 09 requests, section 1), one character an octet:
 * `METHOD \n path \n query \n headers \n \n signed headers \n payload hash`.
 */
export function canonicalRequest({ method, target }: RequestHead, form: CanonicalForm): string {
  const { path } = splitTarget(target);
  return [
    method,
    canonicalPath(path, form.normalizePath),
    canonicalQuery(form.query),
    ...form.signedHeaders.map((name) => `${name}:${(form.headers.get(name) ?? []).join(',')}`),
    '',
    form.signedHeaders.join(';'),
    form.payloadHash,
  ].join('\n');
}

/** Lower-case hex of the SHA-256 of a text of octets: how a canonical request enters the string to sign. */
export function hashOfText(text: string): string {
  return toHex(sha256(octetsOf(text)));
}

/** Parts the request target at its first `?`. Both sides stay as they were sent, percent signs and all. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const mark = target.indexOf('?');
  return mark < 0 ? { path: target, query: '' } : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/**
 * Parameters in the order in which they came; empty pieces between `&` are none.
 * @throws ERR_REQUEST_MALFORMED
 */
export function parseQuery(query: string): readonly QueryParameter[] {
  const pieces = query.split('&').filter((piece) => piece !== '');
  if (pieces.length > QUERY_PARAMETERS_MAX) throw malformed(`query has more than ${QUERY_PARAMETERS_MAX} parameters`);
  return pieces.map((piece) => {
    const equals = piece.indexOf('=');
    const name = equals < 0 ? piece : piece.slice(0, equals);
    return { name: decodeUri(name), value: equals < 0 ? '' : decodeUri(piece.slice(equals + 1)) };
  });
}

/**
 * Values by name in lower case, in the order of the lines; white space within each is one space, as SigV4 wants it.
 */
export function headerValues(headers: readonly HttpHeader[]): HeaderValues {
  const values = new Map<string, string[]>();
  for (const { name, value } of headers) {
    const key = name.toLowerCase();
    const text = value.replace(/[ \t\r\n]+/g, ' ').replace(/^ | $/g, '');
    const known = values.get(key);
    if (known === undefined) values.set(key, [text]);
    else known.push(text);
  }
  return values;
}

/** Percent-encoded segment by segment; what is encoded already is encoded again (S3 alone does not). */
function canonicalPath(path: string, isNormalized: boolean): string {
  const whole = isNormalized ? normalize(path) : path;
  return whole === '' ? '/' : whole.split('/').map(encodeUri).join('/');
}

function normalize(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const end = kept.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${kept.join('/')}${end}`;
}

/** Sorted by encoded name, then by encoded value. */
function canonicalQuery(query: readonly QueryParameter[]): string {
  return query
    .map(({ name, value }) => [encodeUri(name), encodeUri(value)] as const)
    .toSorted(([a, x], [b, y]) => order(a, b) || order(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Of ASCII texts, by octets. */
function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
