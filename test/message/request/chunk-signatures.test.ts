import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EMPTY, toHex, utf8 } from '../../../src/base/bytes.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import {
  type ChainStart,
  eventDateHeader,
  SignatureChain,
  type SignedPiece,
} from '../../../src/message/request/chunk-signatures.ts';
import { parseTimestamp } from '../../../src/message/request/credential-scope.ts';
import type { HttpRequest } from '../../../src/message/request/http-request.ts';
import type { RequestSigner, VerifyingKey } from '../../../src/message/request/request-signature.ts';
import { readSignedRequest } from '../../../src/message/request/signed-request.ts';
import { judgeSignedRequest, SKEW_MS_DEFAULT, verifySignature } from '../../../src/message/request/verify-request.ts';
import { missingVectors, readVectors } from '../../support/vectors.ts';
import { KEYS, SIGNERS } from './made-request.ts';

interface ChunkedVectors {
  readonly chunked: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly region: string;
    readonly service: string;
    readonly timestamp: string;
    readonly request: {
      readonly method: string;
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly 'x-amz-content-sha256': string;
    };
    readonly seedSignature: string;
    readonly chunks: readonly { readonly repeat: string; readonly n: number; readonly signature: string }[];
    readonly trailer: { readonly canonical: string; readonly signature: string };
  };
}

const VECTORS = 'sigv4/chunked.json';

describe('chunks of AWS', { skip: missingVectors(VECTORS) }, () => {
  it('have the signatures of the vectors, from the opening request to the trailer', async () => {
    const { chunked } = readVectors<ChunkedVectors>(VECTORS);
    const { accessKeyId, secretAccessKey, region, service, timestamp, request, seedSignature } = chunked;
    const date = timestamp.slice(0, 8);
    const scope = { date, region, service, terminator: 'aws4_request' };
    const key: VerifyingKey = { algorithm: 'sigv4', secretAccessKey };
    const signer: RequestSigner = { algorithm: 'sigv4', accessKeyId, secretAccessKey };

    const headers: Record<string, string> = {
      ...request.headers,
      'x-amz-date': timestamp,
      'x-amz-content-sha256': request['x-amz-content-sha256'],
    };
    const signedHeaders = Object.keys(headers)
      .map((name) => name.toLowerCase())
      .toSorted()
      .join(';');
    const opening: HttpRequest = {
      method: request.method,
      target: request.path,
      headers: [
        ...Object.entries(headers).map(([name, value]) => ({ name, value })),
        {
          name: 'Authorization',
          value: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${date}/${region}/${service}/aws4_request, SignedHeaders=${signedHeaders}, Signature=${seedSignature}`,
        },
      ],
      body: EMPTY,
    };
    const signed = readSignedRequest(opening);
    const rules = { now: parseTimestamp(timestamp), region, service, skewMs: SKEW_MS_DEFAULT };
    assert.throws(() => judgeSignedRequest(signed, rules), { code: 'ERR_REQUEST_UNSIGNED_PAYLOAD' });
    judgeSignedRequest(signed, { ...rules, isChainTaken: true });
    verifySignature(signed, key, EMPTY, true);

    const start: ChainStart = { algorithm: 'sigv4', scope, priorSignature: seedSignature };
    const [made, checked] = [new SignatureChain(start), new SignatureChain(start)];
    for (const { repeat, n, signature } of chunked.chunks) {
      const item: SignedPiece = { kind: 'chunk', timestamp, payload: utf8(repeat.repeat(n)) };
      assert.equal(checked.isComplete, false);
      assert.equal(await made.sign(signer, item), signature);
      checked.verify(key, item, signature);
    }
    const trailer: SignedPiece = { kind: 'trailer', timestamp, text: chunked.trailer.canonical };
    assert.equal(checked.isComplete, true);
    assert.equal(await made.sign(signer, trailer), chunked.trailer.signature);
    checked.verify(key, trailer, chunked.trailer.signature);
  });
});

const TIMESTAMP = '20260506T070809Z';
const chunk = (text: string): SignedPiece => ({ kind: 'chunk', timestamp: TIMESTAMP, payload: utf8(text) });
const TRAILER: SignedPiece = { kind: 'trailer', timestamp: TIMESTAMP, text: 'a:1\n' };

for (const algorithm of ['sigv4', 'sigv4a'] as const)
  describe(`a chain of ${algorithm}`, () => {
    const start: ChainStart = {
      algorithm,
      scope: {
        date: '20260506',
        region: algorithm === 'sigv4' ? 'depot' : undefined,
        service: 'chainmail',
        terminator: 'aws4_request',
      },
      priorSignature: 'ab'.repeat(32),
    };
    const key = KEYS[algorithm];
    const items = [chunk('a'), chunk('b'), chunk(''), TRAILER];

    async function signAll(): Promise<readonly string[]> {
      const chain = new SignatureChain(start);
      const signatures: string[] = [];
      for (const item of items) signatures.push(await chain.sign(SIGNERS[algorithm], item));
      return signatures;
    }

    it('verifies piece by piece, its signatures filled up or not', async () => {
      const signatures = await signAll();
      for (const fill of [
        (signature: string) => signature,
        (signature: string) => (algorithm === 'sigv4a' ? signature.padEnd(144, '*') : signature),
      ]) {
        const chain = new SignatureChain(start);
        for (const [i, item] of items.entries()) chain.verify(key, item, fill(signatures[i] as string));
        assert.equal(chain.isComplete, true);
      }
    });

    it('lets no piece be left out, doubled, moved, changed or put behind the end', async () => {
      const [a, b, end, trailer] = (await signAll()) as [string, string, string, string];
      const refused = (
        code: string,
        taken: readonly (readonly [SignedPiece, string])[],
        next: readonly [SignedPiece, string],
      ) => {
        const chain = new SignatureChain(start);
        for (const [item, signature] of taken) chain.verify(key, item, signature);
        assert.throws(() => chain.verify(key, ...next), { code: `ERR_REQUEST_${code}` });
      };
      refused('SIGNATURE', [], [chunk('b'), b]);
      refused('SIGNATURE', [[chunk('a'), a]], [chunk('a'), a]);
      refused('SIGNATURE', [[chunk('a'), a]], [chunk(''), end]);
      refused('SIGNATURE', [], [chunk('x'), a]);
      refused('SIGNATURE', [], [{ ...chunk('a'), timestamp: '20260506T070810Z' }, a]);
      refused('SIGNATURE', [], [{ kind: 'event', timestamp: TIMESTAMP, headers: EMPTY, payload: utf8('x') }, a]);
      refused('SIGNATURE', [], [{ ...chunk('a'), timestamp: '20260507T070809Z' }, a]);
      refused('MALFORMED', [], [{ ...chunk('a'), timestamp: 'now' }, a]);
      refused('MALFORMED', [], [chunk('a'), 'AB']);
      const all = [
        [chunk('a'), a],
        [chunk('b'), b],
        [chunk(''), end],
      ] as const;
      refused('MALFORMED', all, [chunk('a'), a]);
      refused('MALFORMED', [...all, [TRAILER, trailer]], [TRAILER, trailer]);
    });
  });

describe('the date of an event', () => {
  it('may be after midnight: the scope stays that of the opening', async () => {
    const scope = { date: '20260506', region: 'depot', service: 'chainmail', terminator: 'aws4_request' };
    const start: ChainStart = { algorithm: 'sigv4', scope, priorSignature: 'ab' };
    const item: SignedPiece = { kind: 'event', timestamp: '20260507T000001Z', headers: undefined, payload: utf8('x') };
    const signature = await new SignatureChain(start).sign(SIGNERS.sigv4, item);
    assert.equal(new SignatureChain(start).verify(KEYS.sigv4, item, signature), signature);
  });

  it('is one header in the encoding of event streams', () => {
    const at = Date.UTC(2026, 4, 6, 7, 8, 9) as UnixMs;
    const hex = BigInt(at).toString(16).padStart(16, '0');
    assert.equal(toHex(eventDateHeader(TIMESTAMP)), `05${toHex(utf8(':date'))}08${hex}`);
  });

  it('stands for the headers where none are given', async () => {
    const scope = { date: '20260506', region: 'depot', service: 'chainmail', terminator: 'aws4_request' };
    const sign = (headers: Uint8Array | undefined) =>
      new SignatureChain({ algorithm: 'sigv4', scope, priorSignature: 'ab' }).sign(SIGNERS.sigv4, {
        kind: 'event',
        timestamp: TIMESTAMP,
        headers,
        payload: utf8('x'),
      });
    assert.equal(await sign(undefined), await sign(eventDateHeader(TIMESTAMP)));
    assert.notEqual(await sign(undefined), await sign(EMPTY));
  });
});
