import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { OID } from '../../../src/codec/oid.ts';
import type { Certificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { type InitialPolicies, PolicyState } from '../../../src/pki/path/policy.ts';
import { judgedWithTree, type PolicyFacts, type Verdict } from './policy-tree.ts';

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

const flag = fc.option(fc.boolean(), { nil: undefined, freq: 1 });
const initialPolicies: fc.Arbitrary<InitialPolicies> = fc.record({
  userInitialPolicySet: fc.option(fc.uniqueArray(anyOrPolicy, { maxLength: 3 }), { nil: undefined, freq: 2 }),
  initialExplicitPolicy: flag,
  initialPolicyMappingInhibit: flag,
  initialAnyPolicyInhibit: flag,
});

function judged(path: readonly PolicyFacts[], initial: InitialPolicies): Verdict {
  const state = new PolicyState(path.length, initial);
  for (const [i, each] of path.entries()) {
    const isLast = i === path.length - 1;
    state.process(each as Certificate, isLast);
    if (!isLast) state.prepareNext(each as Certificate);
  }
  const valid = state.userConstrained();
  return state.isRequired(path.at(-1) as Certificate) && valid.size === 0 ? undefined : valid;
}

describe('policies in a graph (RFC 9618)', () => {
  it('come to what the whole tree of RFC 5280 section 6.1 comes to, whatever is asked for from the outset', () => {
    const counts = { all: 0, some: 0, none: 0, refused: 0 };
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 5 }), initialPolicies, (path, initial) => {
        const expected = judgedWithTree(path, initial);
        const kind = expected === undefined ? 'refused' : expected.has(OID.anyPolicy) ? 'all' : expected.size;
        counts[typeof kind === 'number' ? (kind > 0 ? 'some' : 'none') : kind] += 1;
        assert.deepEqual(judged(path, initial), expected);
      }),
      { numRuns: 20_000 },
    );
    for (const [kind, count] of Object.entries(counts)) assert.ok(count > 1_000, `${kind}: ${count}`);
  });
});
