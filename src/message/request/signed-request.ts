import { MeshError, quoted } from '../../base/errors.ts';
import { SECOND_MS, type UnixMs } from '../../base/time.ts';
import { algorithmOfName, type RequestAlgorithm } from './algorithm.ts';
import { type HeaderValues, headerValues, parseQuery, type QueryParameter, splitTarget } from './canonical-request.ts';
import { type CredentialScope, parseCredential, parseTimestamp } from './credential-scope.ts';
import { HEADER_LINES_MAX, malformed, type RequestHead } from './http-request.ts';

/** Longest life of a request in query form, in seconds: AWS's. */
export const QUERY_LIFE_SEC_MAX = 604_800;

/** Characters of a signature that are looked at. A right one has 64, or up to 144: 72 octets of DER in hex. */
export const SIGNATURE_CHARS_MAX = 512;

/** A request with the signature that it carries, read and not yet believed. */
export interface SignedRequest {
  /** In the Authorization header, or in the query (a «presigned URL»). */
  readonly form: 'header' | 'query';
  readonly head: RequestHead;
  readonly headers: HeaderValues;
  /** All parameters but the signature. */
  readonly query: readonly QueryParameter[];
  readonly algorithm: RequestAlgorithm;
  readonly accessKeyId: string;
  readonly scope: CredentialScope;
  readonly timestamp: string;
  readonly signedAt: UnixMs;
  /** Query form only. */
  readonly lifeMs: number | undefined;
  /** SigV4A; `undefined` where it was left out. */
  readonly regionSet: string | undefined;
  /** Of temporary credentials; may have been added after signing, so nothing of it is vouched for. */
  readonly securityToken: string | undefined;
  /** What the request says of its body: hex of its SHA-256, or a literal; `undefined` where it says nothing. */
  readonly contentHash: string | undefined;
  /** Lower case, sorted, each once. */
  readonly signedHeaders: readonly string[];
  /** Lower-case hex digits. */
  readonly signature: string;
}

export const PARAMETER = {
  algorithm: 'X-Amz-Algorithm',
  credential: 'X-Amz-Credential',
  date: 'X-Amz-Date',
  signedHeaders: 'X-Amz-SignedHeaders',
  expires: 'X-Amz-Expires',
  securityToken: 'X-Amz-Security-Token',
  regionSet: 'X-Amz-Region-Set',
  contentHash: 'X-Amz-Content-Sha256',
  signature: 'X-Amz-Signature',
} as const;

export const HEADER = {
  authorization: 'authorization',
  date: 'x-amz-date',
  regionSet: 'x-amz-region-set',
  contentHash: 'x-amz-content-sha256',
  securityToken: 'x-amz-security-token',
  nonce: 'x-chainmail-nonce',
  host: 'host',
} as const;

/** Headers that a signature reads one value from: with two, signer and verifier might take different ones. */
const SINGLE_HEADERS = Object.values(HEADER);

/** Parameters that make a query one that carries a signature. */
const CARRYING: readonly string[] = [PARAMETER.algorithm, PARAMETER.credential, PARAMETER.signature].map((name) =>
  name.toLowerCase(),
);

/** Whether a request claims to be signed, in either form; whether well is for {@link readSignedRequest} to find out. */
export function carriesSignature({ target, headers }: RequestHead): boolean {
  if (headers.some(({ name, value }) => name.toLowerCase() === HEADER.authorization && isAwsScheme(value))) return true;
  const query = splitTarget(target).query.toLowerCase();
  return CARRYING.some((name) => query.includes(`${name}=`));
}

/**
 * Reads the signature that a request carries, in whichever form.
 * @throws ERR_REQUEST_MALFORMED, ERR_REQUEST_DUPLICATE_PARAMETER
 */
export function readSignedRequest(head: RequestHead): SignedRequest {
  const headers = headerValues(head.headers);
  for (const name of SINGLE_HEADERS) if ((headers.get(name)?.length ?? 0) > 1) throw saidTwice(`header ${name}`);
  const query = parseQuery(splitTarget(head.target).query);
  const authorization = headers.get(HEADER.authorization)?.[0];
  const isInQuery = query.some(({ name }) => CARRYING.includes(name.toLowerCase()));
  if (authorization !== undefined && isAwsScheme(authorization)) {
    if (isInQuery) throw saidTwice('the signature');
    return readHeaderForm(head, headers, query, authorization);
  }
  if (isInQuery) return readQueryForm(head, headers, query);
  throw malformed('request carries no signature, neither in the Authorization header nor in the query');
}

function readHeaderForm(
  head: RequestHead,
  headers: HeaderValues,
  query: readonly QueryParameter[],
  authorization: string,
): SignedRequest {
  const [name = '', ...rest] = authorization.split(' ');
  const fields = new Map<string, string>();
  for (const field of rest.join(' ').split(',')) {
    const [key = '', ...value] = field.trim().split('=');
    if (fields.has(key)) throw saidTwice(`${quoted(key)} in the Authorization header`);
    fields.set(key, value.join('='));
  }
  const [credential, signedHeaders, signature] = ['Credential', 'SignedHeaders', 'Signature'].map((key) =>
    fields.get(key),
  );
  if (fields.size !== 3 || credential === undefined || signedHeaders === undefined || signature === undefined)
    throw malformed('Authorization header is not «ALGORITHM Credential=…, SignedHeaders=…, Signature=…»');
  const algorithm = parseAlgorithm(name);
  const timestamp = headers.get(HEADER.date)?.[0];
  const signed = parseSignedHeaders(signedHeaders);
  if (timestamp === undefined) throw malformed(`request has no ${HEADER.date}`);
  return {
    form: 'header',
    head,
    headers,
    query,
    algorithm,
    ...parseCredential(credential, algorithm),
    timestamp,
    signedAt: parseTimestamp(timestamp),
    lifeMs: undefined,
    regionSet: algorithm === 'sigv4a' ? headers.get(HEADER.regionSet)?.[0] : undefined,
    securityToken: headers.get(HEADER.securityToken)?.[0],
    contentHash: headers.get(HEADER.contentHash)?.[0],
    signedHeaders: signed,
    signature: parseSignature(signature),
  };
}

function readQueryForm(head: RequestHead, headers: HeaderValues, query: readonly QueryParameter[]): SignedRequest {
  const values = new Map<string, string>();
  for (const name of Object.values(PARAMETER)) {
    const found = query.filter((parameter) => parameter.name.toLowerCase() === name.toLowerCase());
    if (found.length > 1) throw saidTwice(`parameter ${name}`);
    const [parameter] = found;
    if (parameter?.name === name) values.set(name, parameter.value);
  }
  const valueOf = (name: string): string => {
    const value = values.get(name);
    if (value === undefined) throw malformed(`query has no ${name}`);
    return value;
  };
  const algorithm = parseAlgorithm(valueOf(PARAMETER.algorithm));
  const timestamp = valueOf(PARAMETER.date);
  const signedHeaders = parseSignedHeaders(valueOf(PARAMETER.signedHeaders));
  // One that is not signed is refused for that, like any other header of its kind.
  for (const name of [HEADER.date, HEADER.regionSet])
    if (headers.has(name) && signedHeaders.includes(name)) throw saidTwice(`${name}, as a header and in the query,`);
  if (
    headers.has(HEADER.contentHash) &&
    signedHeaders.includes(HEADER.contentHash) &&
    values.has(PARAMETER.contentHash)
  )
    throw saidTwice(`${HEADER.contentHash}, as a header and in the query,`);
  if (headers.has(HEADER.securityToken) && values.has(PARAMETER.securityToken))
    throw saidTwice(`${HEADER.securityToken}, as a header and in the query,`);
  return {
    form: 'query',
    head,
    headers,
    query: query.filter(({ name }) => name !== PARAMETER.signature),
    algorithm,
    ...parseCredential(valueOf(PARAMETER.credential), algorithm),
    timestamp,
    signedAt: parseTimestamp(timestamp),
    lifeMs: parseExpires(valueOf(PARAMETER.expires)),
    regionSet: algorithm === 'sigv4a' ? valueOf(PARAMETER.regionSet) : undefined,
    securityToken: headers.get(HEADER.securityToken)?.[0] ?? values.get(PARAMETER.securityToken),
    contentHash: headers.get(HEADER.contentHash)?.[0] ?? values.get(PARAMETER.contentHash),
    signedHeaders,
    signature: parseSignature(valueOf(PARAMETER.signature)),
  };
}

function isAwsScheme(authorization: string): boolean {
  return /^[ \t]*AWS4-/.test(authorization);
}

function parseAlgorithm(name: string): RequestAlgorithm {
  const algorithm = algorithmOfName(name);
  if (algorithm === undefined) throw malformed(`algorithm ${quoted(name)} is not one of this program`);
  return algorithm;
}

function parseSignedHeaders(text: string): readonly string[] {
  const names = text.split(';');
  if (names.length > HEADER_LINES_MAX) throw malformed(`more than ${HEADER_LINES_MAX} headers are signed`);
  for (const [i, name] of names.entries()) {
    const before = names[i - 1];
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name))
      throw malformed(`signed header ${quoted(name)} is not a header’s name in lower case`);
    if (name === before) throw saidTwice(`signed header ${name}`);
    if (before !== undefined && name < before) throw malformed('signed headers are not in order');
  }
  return names;
}

function parseSignature(text: string): string {
  if (text.length > SIGNATURE_CHARS_MAX || !/^[0-9a-f]+$/.test(text))
    throw malformed(`signature is not lower-case hex of at most ${SIGNATURE_CHARS_MAX} digits`);
  return text;
}

function parseExpires(text: string): number {
  const seconds = Number(text);
  if (!/^[1-9][0-9]{0,6}$/.test(text) || seconds > QUERY_LIFE_SEC_MAX)
    throw malformed(`${PARAMETER.expires} ${quoted(text)} is not a number of seconds from 1 to ${QUERY_LIFE_SEC_MAX}`);
  return seconds * SECOND_MS;
}

function saidTwice(what: string): MeshError {
  return new MeshError('ERR_REQUEST_DUPLICATE_PARAMETER', `${what} is there twice`);
}
