import type { Bytes } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import { after, MINUTE_MS, toRfc3339, type UnixMs } from '../../base/time.ts';
import { sha256Hex } from '../../crypto/hash.ts';
import { canonicalRequest, hashOfText } from './canonical-request.ts';
import { dayOf, formatScope, SCOPE_TERMINATOR } from './credential-scope.ts';
import { regionSetCovers } from './region-set.ts';
import { type VerifyingKey, verifyText } from './request-signature.ts';
import { HEADER, PARAMETER, type SignedRequest } from './signed-request.ts';
import { stringToSign } from './string-to-sign.ts';

/** How far a request's date may lie from the verifier's clock, either way: AWS's, for clocks that nobody sets. */
export const SKEW_MS_DEFAULT = 15 * MINUTE_MS;

/** Body hashes that open a chain of signed pieces instead of covering a body (spec 09 requests, section 4). */
const CHAIN_OPENINGS: readonly string[] = [
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
  'STREAMING-AWS4-HMAC-SHA256-EVENTS',
  'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD',
  'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER',
];

/** What a verifier asks of a request before it looks at the signature. */
export interface SignedRequestRules {
  readonly now: UnixMs;
  readonly region: string;
  readonly service: string;
  readonly skewMs: number;
  /** Cuts the life that a query may give itself. By default it may have all that it says. */
  readonly queryLifeMsMax?: number;
  /** Whether a request may open a chain, in which its body is signed piece by piece. The caller verifies those. */
  readonly isChainTaken?: boolean;
}

/**
 * Everything that can be judged without key and body, cheap first. Nothing of it is to be believed before
 * {@link verifySignature}.
 *
 * @returns until when the request may be taken.
 * @throws ERR_REQUEST_SCOPE, ERR_REQUEST_REGION, ERR_REQUEST_SKEW, ERR_REQUEST_EXPIRED, ERR_REQUEST_UNSIGNED_HEADER,
 *   ERR_REQUEST_UNSIGNED_PAYLOAD, ERR_REQUEST_MALFORMED
 */
export function judgeSignedRequest(signed: SignedRequest, rules: SignedRequestRules): UnixMs {
  const { scope, timestamp, algorithm, regionSet } = signed;
  // 1. A key of one day, service and protocol must not be used for another (T2: the date check that others forgot).
  if (scope.date !== dayOf(timestamp) || scope.service !== rules.service || scope.terminator !== SCOPE_TERMINATOR)
    throw new MeshError(
      'ERR_REQUEST_SCOPE',
      `scope ${quoted(formatScope(scope))} is not of day ${dayOf(timestamp)} and service ${rules.service}`,
    );
  // 2. A request that was signed here without its region set would be good everywhere.
  requireSigned(signed, [HEADER.host, ...(signed.form === 'query' ? [] : datedHeaders(signed))]);
  // 3. A request for another mesh.
  const isOurs = algorithm === 'sigv4' ? scope.region === rules.region : regionSetCovers(regionSet ?? '', rules.region);
  if (!isOurs)
    throw new MeshError(
      'ERR_REQUEST_REGION',
      `request is signed for ${quoted(regionSet ?? scope.region ?? '')}, which does not name ${rules.region}`,
    );
  // 4. An old request, or one from the future that could be kept until its time comes.
  const expiresAt = judgeDate(signed, rules);
  // 5. A header that was added on the way, and that means something to who reads it.
  const isTelling = (name: string): boolean => name.startsWith('x-amz-') || name === HEADER.nonce;
  requireSigned(
    signed,
    [...signed.headers.keys()].filter((name) => isTelling(name) && name !== HEADER.securityToken),
  );
  // 6. A body that nothing speaks for.
  judgeContentHash(signed.contentHash, rules.isChainTaken === true);
  return expiresAt;
}

/**
 * Whether this key signed this request and body.
 *
 * @returns hex of the SHA-256 of the string to sign: what a replay is known by, since one text has many signatures.
 * @throws ERR_REQUEST_SIGNATURE
 */
export function verifySignature(
  signed: SignedRequest,
  key: VerifyingKey,
  body: Bytes,
  isPathNormalized: boolean,
): string {
  if (key.algorithm !== signed.algorithm) throw wrongSignature('the request is signed with another algorithm');
  const missing = signed.signedHeaders.find((name) => !signed.headers.has(name));
  if (missing !== undefined) throw wrongSignature(`header ${missing} was signed and is not there`);
  const payloadHash = payloadHashOf(signed.contentHash, body);
  for (const query of candidateQueries(signed)) {
    const { head, headers, signedHeaders, algorithm, timestamp, scope, signature } = signed;
    const canonical = canonicalRequest(head, {
      headers,
      normalizePath: isPathNormalized,
      signedHeaders,
      query,
      payloadHash,
    });
    const text = stringToSign(algorithm, timestamp, scope, canonical);
    if (verifyText(key, scope, text, signature)) return hashOfText(text);
  }
  throw wrongSignature('the signature is not of this request and key');
}

/** A session token in the query may have been added after signing: nothing tells but the signature itself. */
function candidateQueries({ form, query }: SignedRequest): readonly (typeof query)[] {
  const isToken = ({ name }: (typeof query)[number]): boolean => name === PARAMETER.securityToken;
  return form === 'query' && query.some(isToken) ? [query, query.filter((one) => !isToken(one))] : [query];
}

function datedHeaders({ algorithm }: SignedRequest): readonly string[] {
  return algorithm === 'sigv4a' ? [HEADER.date, HEADER.regionSet] : [HEADER.date];
}

function requireSigned({ signedHeaders }: SignedRequest, names: readonly string[]): void {
  const unsigned = names.find((name) => !signedHeaders.includes(name));
  if (unsigned !== undefined)
    throw new MeshError('ERR_REQUEST_UNSIGNED_HEADER', `header ${quoted(unsigned)} is not among the signed ones`);
}

function judgeDate({ signedAt, lifeMs }: SignedRequest, rules: SignedRequestRules): UnixMs {
  const { now, skewMs, queryLifeMsMax = Number.POSITIVE_INFINITY } = rules;
  if (signedAt > after(now, skewMs) || (lifeMs === undefined && after(signedAt, skewMs) < now))
    throw new MeshError(
      'ERR_REQUEST_SKEW',
      `request is dated ${toRfc3339(signedAt)}, more than ${skewMs / 1_000} s from ${toRfc3339(now)}`,
    );
  if (lifeMs === undefined) return after(signedAt, skewMs);
  const expiresAt = after(signedAt, Math.min(lifeMs, queryLifeMsMax));
  if (expiresAt <= now)
    throw new MeshError('ERR_REQUEST_EXPIRED', `request ended at ${toRfc3339(expiresAt)}, it is ${toRfc3339(now)}`);
  return expiresAt;
}

function judgeContentHash(contentHash: string | undefined, isChainTaken: boolean): void {
  if (contentHash === undefined || /^[0-9a-f]{64}$/.test(contentHash)) return;
  if (isChainTaken && CHAIN_OPENINGS.includes(contentHash)) return;
  const isLiteral = contentHash === 'UNSIGNED-PAYLOAD' || contentHash.startsWith('STREAMING-');
  throw new MeshError(
    isLiteral ? 'ERR_REQUEST_UNSIGNED_PAYLOAD' : 'ERR_REQUEST_MALFORMED',
    `${HEADER.contentHash} ${quoted(contentHash)} is not the hash of a body`,
  );
}

/** What stands in the canonical request for the body: its hash, or the literal that opens a chain. */
function payloadHashOf(said: string | undefined, body: Bytes): string {
  if (said !== undefined && CHAIN_OPENINGS.includes(said)) return said;
  const hash = sha256Hex(body);
  if (said !== undefined && said !== hash) throw wrongSignature('the body is not the one that was signed');
  return hash;
}

function wrongSignature(message: string): MeshError {
  return new MeshError('ERR_REQUEST_SIGNATURE', message);
}
