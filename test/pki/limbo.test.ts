import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UnixMs } from '../../src/base/time.ts';
import { judgeLimboCase, type LimboCase } from '../../src/pki/limbo.ts';
import { missingVectors, readVectors } from '../support/vectors.ts';

const FILE = 'x509/limbo-sample.json';

interface Expected extends LimboCase {
  readonly expected_result: 'SUCCESS' | 'FAILURE';
}

describe('x509-limbo (T14)', { skip: missingVectors(FILE) }, () => {
  const skip = missingVectors(FILE);
  const cases = skip === false ? readVectors<{ readonly testcases: readonly Expected[] }>(FILE).testcases : [];
  for (const testCase of cases)
    it(testCase.id, () => {
      const { actual_result, context } = judgeLimboCase(testCase, Date.now() as UnixMs);
      assert.equal(actual_result, testCase.expected_result, context);
    });
});

describe('a file in the format of x509-limbo', () => {
  it('skips groups that are no plain RFC 5280, and says so', () => {
    const result = judgeLimboCase({ id: 'webpki::cn::x' }, 0 as UnixMs);
    assert.equal(result.actual_result, 'SKIPPED');
    assert.match(result.context, /webpki/);
  });

  it('calls what cannot be parsed a failure', () => {
    for (const broken of [
      {},
      { peer_certificate: 'x' },
      { peer_certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
    ])
      assert.equal(judgeLimboCase({ id: 'rfc5280::x', ...broken }, 0 as UnixMs).actual_result, 'FAILURE');
  });
});
