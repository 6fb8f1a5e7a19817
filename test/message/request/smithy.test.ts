import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EMPTY } from '../../../src/base/bytes.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import { eventDateHeader, SignatureChain } from '../../../src/message/request/chunk-signatures.ts';
import { formatTimestamp } from '../../../src/message/request/credential-scope.ts';
import { type HttpRequest, textOfOctets } from '../../../src/message/request/http-request.ts';
import type { VerifyingKey } from '../../../src/message/request/request-signature.ts';
import { signRequest } from '../../../src/message/request/sign-request.ts';
import { readSignedRequest } from '../../../src/message/request/signed-request.ts';
import { sigV4aPublicKey, sigV4aSigner } from '../../../src/message/request/signing-key.ts';
import { encodeUri } from '../../../src/message/request/uri-encoding.ts';
import { judgeSignedRequest, SKEW_MS_DEFAULT, verifySignature } from '../../../src/message/request/verify-request.ts';
import { type SmithyRequest, smithySigner } from './smithy.ts';

const ACCESS_KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const KEYS: Readonly<Record<'sigv4' | 'sigv4a', VerifyingKey>> = {
  sigv4: { algorithm: 'sigv4', secretAccessKey: ACCESS_KEY.secretAccessKey },
  sigv4a: { algorithm: 'sigv4a', publicKey: sigV4aPublicKey(ACCESS_KEY) },
};

const REGION = 'us-east-1';
const SERVICE = 'service';
const AT = Date.UTC(2026, 4, 6, 7, 8, 9) as UnixMs;
const RUNS = { numRuns: 300 };

const text = fc.string({
  unit: fc.constantFrom(...'abcZ019-._~!*\'();:@&=+$,/?#[]% "<>\\^`{|}é∂€😀'),
  maxLength: 12,
});
const headerName = fc.string({ unit: fc.constantFrom(...'abcxyz019-'), minLength: 1, maxLength: 10 });
const headerValue = fc.string({ unit: fc.constantFrom(...'aZ09 ",;=:/\t'), maxLength: 24 });
/** As a client writes it: UTF-8, percent-encoded. */
const segment = fc.oneof(
  text.map((plain) => encodeURIComponent(plain)),
  fc.constantFrom('.', '..', ''),
);

interface Drawn {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string | string[]>;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array | undefined;
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
  path: fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join('/')}`),
  query: fc.dictionary(text, fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })), { maxKeys: 4 }),
  headers: fc.dictionary(
    headerName.map((name) => `my-${name}`),
    headerValue,
    { maxKeys: 4 },
  ),
  body: fc.option(fc.uint8Array({ minLength: 1, maxLength: 64 }), { nil: undefined }),
});

function smithyRequest({ headers, body, ...rest }: Drawn): SmithyRequest {
  return {
    protocol: 'https:',
    hostname: 'ca.test',
    headers: { host: 'ca.test', ...headers },
    ...(body === undefined ? {} : { body }),
    ...rest,
  };
}

/** What goes over the wire for a request of theirs. */
function onWire({ method, path, query, headers, body }: SmithyRequest): HttpRequest {
  const utf8 = (text: string): string => textOfOctets(new TextEncoder().encode(text));
  const pieces = Object.entries(query).flatMap(([name, values]) =>
    [values].flat().map((value) => `${encodeUri(utf8(name))}=${encodeUri(utf8(value))}`),
  );
  return {
    method,
    target: pieces.length === 0 ? path : `${path}?${pieces.join('&')}`,
    headers: Object.entries(headers).map(([name, value]) => ({ name, value: ` ${value}` })),
    body: body ?? EMPTY,
  };
}

function verify(request: HttpRequest, algorithm: 'sigv4' | 'sigv4a'): void {
  const signed = readSignedRequest(request);
  assert.equal(signed.algorithm, algorithm);
  judgeSignedRequest(signed, { now: AT, region: REGION, service: SERVICE, skewMs: SKEW_MS_DEFAULT });
  verifySignature(signed, KEYS[algorithm], request.body, true);
}

function signatureIn({ headers }: HttpRequest): string | undefined {
  return headers.find(({ name }) => name.toLowerCase() === 'authorization')?.value.trim();
}

const options = (request: Drawn, region = REGION) => ({
  accessKey: ACCESS_KEY,
  region,
  service: SERVICE,
  applyChecksum: request.body !== undefined,
});

describe('the signers of AWS for JavaScript', () => {
  it('SigV4: what they sign verifies here, and what we sign is theirs to the letter', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, async (request) => {
        const plain = smithyRequest(request);
        const theirs = onWire(
          (await smithySigner('sigv4', options(request)).sign(plain, { signingDate: new Date(AT) })) as SmithyRequest,
        );
        verify(theirs, 'sigv4');
        const ours = await signRequest(onWire(plain), {
          signer: { algorithm: 'sigv4', ...ACCESS_KEY },
          region: REGION,
          service: SERVICE,
          at: AT,
          normalizePath: true,
        });
        assert.equal(signatureIn(ours.request), signatureIn(theirs));
      }),
      RUNS,
    );
  });

  it('SigV4 in the query: what they sign verifies here, and our signature is theirs', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, fc.option(text.filter((token) => token !== '')), async (request, sessionToken) => {
        const plain = smithyRequest(request);
        const signer = smithySigner('sigv4', { ...options(request), sessionToken: sessionToken ?? undefined });
        const theirs = await signer.presign(plain, { signingDate: new Date(AT), expiresIn: 60 });
        verify(onWire(theirs as SmithyRequest), 'sigv4');
        if (sessionToken !== null) return;
        const ours = await signRequest(onWire(plain), {
          signer: { algorithm: 'sigv4', ...ACCESS_KEY },
          region: REGION,
          service: SERVICE,
          at: AT,
          normalizePath: true,
          queryLifeSec: 60,
        });
        assert.equal(ours.signature, theirs.query?.['X-Amz-Signature']);
      }),
      RUNS,
    );
  });

  it('SigV4A: what they sign verifies here, for every region that their set names', async () => {
    const sets = fc.constantFrom('us-east-1', 'eu-west-1,us-east-1', 'us-*', '*', 'eu-*,*-east-1');
    await fc.assert(
      fc.asyncProperty(drawn, sets, async (request, set) => {
        const signer = smithySigner('sigv4a', options(request, set));
        const theirs: unknown = await signer.sign(smithyRequest(request), { signingDate: new Date(AT) });
        verify(onWire(theirs as SmithyRequest), 'sigv4a');
      }),
      { numRuns: 60 }, // theirs is a curve in JavaScript
    );
  });

  it('SigV4A: what we sign verifies, randomised as it is', async () => {
    const signer = sigV4aSigner(ACCESS_KEY);
    await fc.assert(
      fc.asyncProperty(drawn, fc.boolean(), async (request, isQuery) => {
        const { request: ours } = await signRequest(onWire(smithyRequest(request)), {
          signer: { algorithm: 'sigv4a', accessKeyId: ACCESS_KEY.accessKeyId, signer },
          region: 'us-*',
          service: SERVICE,
          at: AT,
          normalizePath: true,
          queryLifeSec: isQuery ? 60 : undefined,
        });
        verify(ours, 'sigv4a');
      }),
      RUNS,
    );
  });

  it('event streams: our chain has their signatures', async () => {
    const timestamp = formatTimestamp(AT);
    const scope = { date: timestamp.slice(0, 8), region: REGION, service: SERVICE, terminator: 'aws4_request' };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 32 }), { maxLength: 4 }), async (payloads) => {
        const signer = smithySigner('sigv4', {
          accessKey: ACCESS_KEY,
          region: REGION,
          service: SERVICE,
          applyChecksum: true,
        });
        let priorSignature = 'ab'.repeat(32);
        const chain = new SignatureChain({ algorithm: 'sigv4', scope, priorSignature });
        for (const payload of [...payloads, EMPTY]) {
          priorSignature = await signer.sign(
            { headers: eventDateHeader(timestamp), payload },
            { signingDate: new Date(AT), priorSignature },
          );
          chain.verify(KEYS.sigv4, { kind: 'event', timestamp, headers: undefined, payload }, priorSignature);
        }
        assert.equal(chain.isComplete, true);
      }),
      RUNS,
    );
  });
});
