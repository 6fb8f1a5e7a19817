import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UnixMs } from '../../../../src/base/time.ts';
import { judgeLimboCase, type LimboCase, limboCasesOf } from '../../../../src/daemon/verify/suites/limbo.ts';
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

  it('runs every other group, whatever its name', () => {
    const [plain] = pathCases('limbo', [['plain', true, leaf({})]]);
    assert.ok(plain !== undefined);
    assert.equal(judgeLimboCase({ ...plain, id: 'elsewhere' }, AT).actual_result, 'SUCCESS');
  });

  it('calls what cannot be parsed a failure', () => {
    for (const broken of [
      {},
      { peer_certificate: 'x' },
      { peer_certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
    ])
      assert.equal(judgeLimboCase({ id: 'rfc5280::x', ...broken }, 0 as UnixMs).actual_result, 'FAILURE');
  });

  it('fails a case with a member of another type, and names it', () => {
    const [plain] = pathCases('limbo', [['plain', true, leaf({})]]);
    assert.ok(plain !== undefined);
    assert.equal(judgeLimboCase(plain, AT).actual_result, 'SUCCESS');
    for (const [name, value] of [
      ['trusted_certs', 'x'],
      ['trusted_certs', [5]],
      ['untrusted_intermediates', {}],
      ['peer_certificate', 5],
      ['validation_time', 1_900_000_000],
      ['key_usage', 'digitalSignature'],
      ['extended_key_usage', [null]],
      ['expected_peer_name', 'example.com'],
      ['expected_peer_name', { kind: 'DNS', value: 5 }],
      ['expected_peer_names', { kind: 'DNS', value: 'example.com' }],
      ['max_chain_depth', '3'],
      ['max_chain_depth', -1],
      ['crls', 'x'],
    ] as const) {
      const { actual_result, context } = judgeLimboCase({ ...plain, [name]: value }, AT);
      assert.equal(actual_result, 'FAILURE', name);
      assert.match(context, new RegExp(`^member ${name} of the case is not `));
    }
    const nothing = { expected_peer_name: null, max_chain_depth: null, crls: null, key_usage: null };
    assert.equal(judgeLimboCase({ ...plain, ...nothing }, AT).actual_result, 'SUCCESS', 'null says nothing');
  });

  it('refuses a file with a case that has no id to answer to, and says which', () => {
    for (const wrong of [1, null, 'x', [], {}, { id: 5 }, { id: null }])
      assert.throws(() => limboCasesOf({ testcases: [{ id: 'rfc5280::x' }, wrong] }), {
        code: 'ERR_INPUT',
        message: 'testcases[1] has no «id» that is text',
      });
    for (const wrong of [null, {}, { testcases: {} }, { testcases: 'x' }])
      assert.throws(() => limboCasesOf(wrong), { code: 'ERR_INPUT', message: /testcases/ });
    assert.deepEqual(limboCasesOf({ testcases: [{ id: 'rfc5280::x' }] }), [{ id: 'rfc5280::x' }]);
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
