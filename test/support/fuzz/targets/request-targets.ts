import assert from 'node:assert/strict';
import { toBase64, utf8 } from '../../../../src/base/bytes.ts';
import { verifyChunkFile } from '../../../../src/daemon/chunk-file.ts';
import { type HttpRequest, parseHttpRequest, renderHttpRequest } from '../../../../src/message/request/http-request.ts';
import { regionSetCovers } from '../../../../src/message/request/region-set.ts';
import { carriesSignature, readSignedRequest } from '../../../../src/message/request/signed-request.ts';
import { judgeSignedRequest, verifySignature } from '../../../../src/message/request/verify-request.ts';
import { adding, KEYS, PLAIN, RULES, signed } from '../../../message/request/made-request.ts';
import { mutateBytes, mutateText, randomBytes } from '../mutate/mutate-bytes.ts';
import { mutateJson } from '../mutate/mutate-json.ts';
import type { FuzzTarget } from '../target.ts';

const MILLION = 1_000_000;

function replayIdOf(request: HttpRequest): string {
  const read = readSignedRequest(request);
  judgeSignedRequest(read, RULES);
  return verifySignature(read, KEYS[read.algorithm], request.body, true);
}

/** Taken means: what was signed is one of the valid requests, whatever else was done to the text. */
const signedRequest: FuzzTarget = {
  name: 'signed-request',
  inputs: 4_000,
  soakInputs: MILLION,
  open: async () => {
    const spread = {
      ...PLAIN,
      target: '/a//b/../%41 c?z=1&a=%20&&a',
      headers: [...PLAIN.headers, { name: 'X', value: ' a\r\n  b' }],
    };
    const valid = [
      await signed('sigv4'),
      await signed('sigv4a'),
      await signed('sigv4', { queryLifeSec: 60, sessionToken: { value: 'abc', isSigned: false } }),
      await signed('sigv4a', { queryLifeSec: 60, region: 'de*,x' }),
      await signed('sigv4', { sessionToken: { value: 'abc', isSigned: true } }, spread),
      await signed('sigv4a', {}, adding(spread, 'x-chainmail-nonce', '1')),
    ];
    const ids = new Set(valid.map(replayIdOf));
    return {
      corpus: valid.flatMap((request) => [renderHttpRequest(request, '\r\n'), renderHttpRequest(request, '\n')]),
      mutators: [mutateText, mutateText, mutateBytes, randomBytes],
      feed: (input) => {
        const { lineEnd, ...request } = parseHttpRequest(input);
        const { lineEnd: _, ...again } = parseHttpRequest(renderHttpRequest(request, lineEnd));
        assert.deepEqual(again, request);
        const id = replayIdOf(request);
        assert.ok(carriesSignature(request));
        assert.ok(ids.has(id), 'something else than what was signed is taken');
      },
    };
  },
};

const chain: FuzzTarget = {
  name: 'request-chain',
  inputs: 2_000,
  soakInputs: MILLION / 2,
  open: async () => {
    const timestamp = '20260506T070809Z';
    const payload = toBase64(utf8('abc'));
    const start = { date: '20260506', service: 'chainmail', prior_signature: 'ab'.repeat(32) };
    const items = [
      { kind: 'event', timestamp, payload },
      { kind: 'event', timestamp, headers: payload, payload },
      { kind: 'chunk', timestamp, payload: '' },
      { kind: 'trailer', timestamp, trailer: 'a:1\n' },
    ];
    return {
      corpus: [
        { algorithm: 'sigv4', secret: 'secret', region: 'depot', ...start, items },
        { algorithm: 'sigv4a', secret: 'secret', access_key_id: 'ID', ...start, items: [] },
      ].map((json) => utf8(JSON.stringify(json))),
      mutators: [mutateJson, mutateJson, mutateText, mutateBytes],
      feed: async (input) => {
        const { signatures } = await verifyChunkFile(input);
        for (const signature of signatures) assert.match(signature, /^[0-9a-f]{64,144}$/);
      },
    };
  },
};

const regionSet: FuzzTarget = {
  name: 'region-set',
  inputs: 2_000,
  soakInputs: MILLION,
  open: async () => ({
    corpus: ['depot', '*', 'd*t', 'a, de*,x', '*'.repeat(99)].map(utf8),
    mutators: [mutateText, mutateText, mutateBytes],
    feed: (input) => {
      const text = String.fromCharCode(...input.subarray(0, 4_096));
      const covers = regionSetCovers(text, 'depot');
      const patterns = text.split(',').map((entry) => entry.trim().replace(/[^*A-Za-z0-9]/g, '\\$&'));
      const oracle = patterns.some((pattern) => new RegExp(`^${pattern.replace(/\*+/g, '.*')}$`).test('depot'));
      assert.equal(covers, oracle);
    },
  }),
};

export const REQUEST_TARGETS: readonly FuzzTarget[] = [signedRequest, chain, regionSet];
