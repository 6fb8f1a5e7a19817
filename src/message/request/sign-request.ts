import { MeshError, quoted } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { sha256Hex } from '../../crypto/hash.ts';
import { ALGORITHM_NAMES } from './algorithm.ts';
import { canonicalRequest, headerValues, parseQuery, splitTarget } from './canonical-request.ts';
import { type CredentialScope, dayOf, formatScope, formatTimestamp, SCOPE_TERMINATOR } from './credential-scope.ts';
import type { HttpHeader, HttpRequest } from './http-request.ts';
import { type RequestSigner, signText } from './request-signature.ts';
import { HEADER, PARAMETER } from './signed-request.ts';
import { stringToSign } from './string-to-sign.ts';
import { encodeUri } from './uri-encoding.ts';

/** Headers that change on the way, or belong to one connection: they are never signed (spec 09 requests, section 1). */
const NEVER_SIGNED: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-version',
  'upgrade',
  'transfer-encoding',
  'user-agent',
  'x-amzn-trace-id',
]);

/** What the signer writes itself. */
const OWN_HEADERS: readonly string[] = [
  HEADER.authorization,
  HEADER.date,
  HEADER.contentHash,
  HEADER.regionSet,
  HEADER.securityToken,
];
const OWN_PARAMETERS: readonly string[] = Object.values(PARAMETER).map((name) => name.toLowerCase());

export interface SigningWish {
  readonly signer: RequestSigner;
  /** SigV4: the region of the scope; SigV4A: the region set, `us-east-1,eu-*`. */
  readonly region: string;
  readonly service: string;
  readonly at: UnixMs;
  readonly normalizePath: boolean;
  /** Seconds that a request in query form lives; without it the signature goes into the Authorization header. */
  readonly queryLifeSec?: number | undefined;
  /** Of temporary credentials. One that is not signed is added afterwards, as some services of AWS want it. */
  readonly sessionToken?: { readonly value: string; readonly isSigned: boolean } | undefined;
}

/** A signed request, and how its signature came about. */
export interface SigningResult {
  readonly canonicalRequest: string;
  readonly stringToSign: string;
  /** Lower-case hex. */
  readonly signature: string;
  readonly request: HttpRequest;
}

/**
 * Signs a request. A body gets `x-amz-content-sha256` in header form; its hash is signed in either.
 * @throws ERR_REQUEST_DUPLICATE_PARAMETER where the request says already what the signer has to say;
 *   ERR_REQUEST_MALFORMED where it has no host.
 */
export async function signRequest(request: HttpRequest, wish: SigningWish): Promise<SigningResult> {
  requireUnsigned(request);
  requireWritable(wish);
  const timestamp = formatTimestamp(wish.at);
  const { signer, service, region } = wish;
  const scope: CredentialScope = {
    date: dayOf(timestamp),
    region: signer.algorithm === 'sigv4' ? region : undefined,
    service,
    terminator: SCOPE_TERMINATOR,
  };
  return wish.queryLifeSec === undefined
    ? signInHeader(request, wish, scope, timestamp)
    : signInQuery(request, wish, scope, timestamp, wish.queryLifeSec);
}

async function signInHeader(
  request: HttpRequest,
  wish: SigningWish,
  scope: CredentialScope,
  timestamp: string,
): Promise<SigningResult> {
  const { signer, region, sessionToken } = wish;
  const payloadHash = sha256Hex(request.body);
  const added: HttpHeader[] = [
    ...(sessionToken === undefined ? [] : [{ name: 'X-Amz-Security-Token', value: sessionToken.value }]),
    { name: 'X-Amz-Date', value: timestamp },
    ...(signer.algorithm === 'sigv4a' ? [{ name: 'X-Amz-Region-Set', value: region }] : []),
    ...(request.body.length === 0 ? [] : [{ name: HEADER.contentHash, value: payloadHash }]),
  ];
  const dated = { ...request, headers: [...request.headers, ...added] };
  const signedHeaders = signedHeadersOf(dated, sessionToken?.isSigned !== false);
  const canonical = canonicalRequest(dated, {
    headers: headerValues(dated.headers),
    normalizePath: wish.normalizePath,
    signedHeaders,
    query: parseQuery(splitTarget(request.target).query),
    payloadHash,
  });
  const text = stringToSign(signer.algorithm, timestamp, scope, canonical);
  const signature = await signText(signer, scope, text);
  const authorization = [
    `${ALGORITHM_NAMES[signer.algorithm]} Credential=${signer.accessKeyId}/${formatScope(scope)}`,
    `SignedHeaders=${signedHeaders.join(';')}`,
    `Signature=${signature}`,
  ].join(', ');
  const headers = [...dated.headers, { name: 'Authorization', value: authorization }];
  return { canonicalRequest: canonical, stringToSign: text, signature, request: { ...dated, headers } };
}

async function signInQuery(
  request: HttpRequest,
  wish: SigningWish,
  scope: CredentialScope,
  timestamp: string,
  lifeSec: number,
): Promise<SigningResult> {
  const { signer, region, sessionToken } = wish;
  const signedHeaders = signedHeadersOf(request, true);
  const token =
    sessionToken === undefined ? [] : [{ name: PARAMETER.securityToken as string, value: sessionToken.value }];
  const parameters = [
    { name: PARAMETER.algorithm as string, value: ALGORITHM_NAMES[signer.algorithm] },
    { name: PARAMETER.credential, value: `${signer.accessKeyId}/${formatScope(scope)}` },
    { name: PARAMETER.date, value: timestamp },
    { name: PARAMETER.signedHeaders, value: signedHeaders.join(';') },
    { name: PARAMETER.expires, value: String(lifeSec) },
    ...(signer.algorithm === 'sigv4a' ? [{ name: PARAMETER.regionSet, value: region }] : []),
  ];
  const { path, query } = splitTarget(request.target);
  const signedParameters = sessionToken?.isSigned === false ? parameters : [...parameters, ...token];
  const canonical = canonicalRequest(request, {
    headers: headerValues(request.headers),
    normalizePath: wish.normalizePath,
    signedHeaders,
    query: [...parseQuery(query), ...signedParameters],
    payloadHash: sha256Hex(request.body),
  });
  const text = stringToSign(signer.algorithm, timestamp, scope, canonical);
  const signature = await signText(signer, scope, text);
  const all = [...parameters, ...token, { name: PARAMETER.signature, value: signature }];
  const pieces = all.map(({ name, value }) => `${name}=${encodeUri(value)}`);
  const target = `${path}?${[...(query === '' ? [] : [query]), ...pieces].join('&')}`;
  return { canonicalRequest: canonical, stringToSign: text, signature, request: { ...request, target } };
}

function requireUnsigned({ headers, target }: HttpRequest): void {
  const header = headers.find(({ name }) => OWN_HEADERS.includes(name.toLowerCase()));
  const parameter = parseQuery(splitTarget(target).query).find(({ name }) =>
    OWN_PARAMETERS.includes(name.toLowerCase()),
  );
  const found = header === undefined ? parameter && `parameter ${parameter.name}` : `header ${header.name}`;
  if (found !== undefined)
    throw new MeshError('ERR_REQUEST_DUPLICATE_PARAMETER', `request has ${found} already, which the signer writes`);
}

/** What goes into a header must not begin a new one, nor a new part of the scope. */
function requireWritable({ signer, region, service, sessionToken }: SigningWish): void {
  const texts = { 'access key id': signer.accessKeyId, region, service, 'session token': sessionToken?.value ?? '-' };
  for (const [name, text] of Object.entries(texts)) {
    const isPart = name !== 'session token' && text.includes('/');
    if (isPart || !/^[\x21-\x7e]+$/.test(text))
      throw new MeshError('ERR_REQUEST_MALFORMED', `${name} ${quoted(text)} has characters that it cannot have`);
  }
}

function signedHeadersOf({ headers }: HttpRequest, isTokenSigned: boolean): readonly string[] {
  const names = new Set(headers.map(({ name }) => name.toLowerCase()));
  if (!names.has(HEADER.host)) throw new MeshError('ERR_REQUEST_MALFORMED', 'request has no Host header');
  const isSigned = (name: string): boolean =>
    !NEVER_SIGNED.has(name) && (isTokenSigned || name !== HEADER.securityToken);
  return [...names].filter(isSigned).toSorted();
}
