import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { OID } from '../../../src/codec/oid.ts';
import type { Certificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { PolicyState } from '../../../src/pki/path/policy.ts';
import { isPolicyValid, type PolicyFacts } from './policy-tree.ts';

const policy = fc.constantFrom('1.2.3.1', '1.2.3.2', '1.2.3.3');
const anyOrPolicy = fc.oneof(policy, fc.constant(OID.anyPolicy));
const count = fc.option(fc.nat(3), { nil: undefined, freq: 2 });
const facts: fc.Arbitrary<PolicyFacts> = fc.record({
  isSelfIssued: fc.boolean(),
  extensions: fc.record({
    certificatePolicies: fc.option(fc.uniqueArray(anyOrPolicy, { minLength: 1, maxLength: 4 }), {
      nil: undefined,
      freq: 20,
    }),
    policyMappings: fc.option(
      fc.array(fc.record({ issuerDomain: policy, subjectDomain: policy }), { minLength: 1, maxLength: 3 }),
      { nil: undefined, freq: 1 },
    ),
    policyConstraints: fc.option(fc.record({ requireExplicitPolicy: count, inhibitPolicyMapping: count }), {
      nil: undefined,
    }),
    inhibitAnyPolicy: fc.option(fc.nat(2), { nil: undefined }),
  }),
});

const requiresPolicy = (path: readonly PolicyFacts[]): boolean =>
  path.some(({ extensions }, i) => (extensions.policyConstraints?.requireExplicitPolicy ?? 9) < path.length - i);

function judged(path: readonly PolicyFacts[]): boolean {
  const state = new PolicyState(path.length);
  for (const [i, each] of path.entries()) {
    const isLast = i === path.length - 1;
    state.process(each as Certificate, isLast);
    if (!isLast) state.prepareNext(each as Certificate);
  }
  return state.wrapUp(path.at(-1) as Certificate);
}

describe('policies, one level at a time (RFC 9618)', () => {
  it('come to what the whole tree of RFC 5280 section 6.1 comes to', () => {
    const counts = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 5 }), (path) => {
        const expected = isPolicyValid(path);
        if (requiresPolicy(path)) counts[expected ? 'accepted' : 'refused'] += 1;
        assert.equal(judged(path), expected);
      }),
      { numRuns: 20_000 },
    );
    assert.ok(counts.accepted > 1_000 && counts.refused > 1_000, JSON.stringify(counts));
  });
});
