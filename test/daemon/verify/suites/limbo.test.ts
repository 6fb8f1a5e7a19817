import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UnixMs } from '../../../../src/base/time.ts';
import { judgeLimboCase, type LimboCase } from '../../../../src/daemon/verify/suites/limbo.ts';
import { time } from '../../../../src/codec/der-writer.ts';
import { PEM_CHARS_MAX } from '../../../../src/codec/pem.ts';
import { extensionOf } from '../../../support/make-certificate.ts';
import { AT, leaf, more, pathCases } from '../../../pki/path/path-cases/builder.ts';
import { missingVectors, readVectors } from '../../../support/vectors.ts';

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

  it('takes a time without a zone as UTC, and none that cannot be read', () => {
    const [plain] = pathCases('limbo', [['plain', true, leaf({ notAfter: time(AT) })]]);
    assert.ok(plain !== undefined);
    const judged = (validation_time: string | null, now = 0) =>
      judgeLimboCase({ ...plain, validation_time }, now as UnixMs).actual_result;
    assert.equal(judged('2030-01-01T00:00:00'), 'SUCCESS');
    assert.equal(judged('2030-01-01T01:00:00+01:00'), 'SUCCESS');
    assert.equal(judged('2030-01-01'), 'SUCCESS');
    assert.equal(judged('2030-01-01T00:00:01'), 'FAILURE');
    assert.equal(judged('2030-01-01T00:00:01Z'), 'FAILURE');
    assert.equal(judged('soon'), 'FAILURE');
    assert.equal(judged(null, AT), 'SUCCESS');
    assert.equal(judged(null, AT + 1_000), 'FAILURE');
  });

  it('reads certificates whose PEM is longer than that of a mesh may be', () => {
    const padding = extensionOf('1.2.3.4', new Uint8Array(450 * 1024));
    const [large] = pathCases('limbo', [['large', true, leaf(more(padding))]]);
    assert.ok(large !== undefined && large.peer_certificate.length > PEM_CHARS_MAX);
    assert.equal(judgeLimboCase(large, AT).actual_result, 'SUCCESS');
  });
});
