import { utf8 } from '../../../src/base/bytes.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import type { RequestAlgorithm } from '../../../src/message/request/algorithm.ts';
import type { HttpHeader, HttpRequest } from '../../../src/message/request/http-request.ts';
import type { RequestSigner, VerifyingKey } from '../../../src/message/request/request-signature.ts';
import { signRequest, type SigningWish } from '../../../src/message/request/sign-request.ts';
import { readSignedRequest } from '../../../src/message/request/signed-request.ts';
import { sigV4aPublicKey, sigV4aSigner } from '../../../src/message/request/signing-key.ts';
import {
  judgeSignedRequest,
  type SignedRequestRules,
  SKEW_MS_DEFAULT,
  verifySignature,
} from '../../../src/message/request/verify-request.ts';

export const ACCESS_KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a secret of forty characters, more or less' };
export const AT = Date.UTC(2026, 4, 6, 7, 8, 9) as UnixMs;

export const SIGNERS: Readonly<Record<RequestAlgorithm, RequestSigner>> = {
  sigv4: { algorithm: 'sigv4', ...ACCESS_KEY },
  sigv4a: { algorithm: 'sigv4a', accessKeyId: ACCESS_KEY.accessKeyId, signer: sigV4aSigner(ACCESS_KEY) },
};
export const KEYS: Readonly<Record<RequestAlgorithm, VerifyingKey>> = {
  sigv4: { algorithm: 'sigv4', secretAccessKey: ACCESS_KEY.secretAccessKey },
  sigv4a: { algorithm: 'sigv4a', publicKey: sigV4aPublicKey(ACCESS_KEY) },
};
export const RULES: SignedRequestRules = { now: AT, region: 'depot', service: 'chainmail', skewMs: SKEW_MS_DEFAULT };

export const PLAIN: HttpRequest = {
  method: 'POST',
  target: '/v1/revoke?a=1',
  headers: [
    { name: 'Host', value: 'ca.depot.example' },
    { name: 'Content-Type', value: 'application/json' },
  ],
  body: utf8('{"node_id":"n7"}'),
};

/** A well-signed request, to be spoilt. */
export async function signed(
  algorithm: RequestAlgorithm,
  wish: Partial<SigningWish> = {},
  request: HttpRequest = PLAIN,
): Promise<HttpRequest> {
  const { request: made } = await signRequest(request, {
    signer: SIGNERS[algorithm],
    region: 'depot',
    service: 'chainmail',
    at: AT,
    normalizePath: true,
    ...wish,
  });
  return made;
}

/** Reads, judges and verifies. @returns what a replay of it is known by. */
export function verify(
  request: HttpRequest,
  algorithm: RequestAlgorithm,
  rules: Partial<SignedRequestRules> = {},
): string {
  const read = readSignedRequest(request);
  judgeSignedRequest(read, { ...RULES, ...rules });
  return verifySignature(read, KEYS[algorithm], request.body, true);
}

/** The request with a header's value made another; of several only the first. */
export function withHeader(request: HttpRequest, name: string, change: (value: string) => string): HttpRequest {
  const at = request.headers.findIndex((header) => header.name.toLowerCase() === name);
  if (at < 0) throw new Error(`no header ${name} to change`);
  const header = request.headers[at] as HttpHeader;
  return { ...request, headers: request.headers.with(at, { ...header, value: change(header.value) }) };
}

export function withoutHeader(request: HttpRequest, name: string): HttpRequest {
  return { ...request, headers: request.headers.filter((header) => header.name.toLowerCase() !== name) };
}

export function adding(request: HttpRequest, name: string, value: string): HttpRequest {
  return { ...request, headers: [...request.headers, { name, value }] };
}
