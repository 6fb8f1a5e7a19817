import { contextPrimitive, oid, sequence, unsignedInteger } from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import type { PathResult } from '../../../src/pki/path/path-result.ts';
import type { InitialPolicies } from '../../../src/pki/path/policy.ts';
import { extensionOf, judge, make } from '../../support/make-certificate.ts';
import { leafOf, root } from './path-table.ts';

type Extensions = readonly Uint8Array[];

export const policies = (...oids: readonly string[]) =>
  extensionOf(OID.certificatePolicies, sequence(...oids.map((policy) => sequence(oid(policy)))));

export const constraint = (n: 0 | 1, count: number, isCritical = true) =>
  extensionOf(OID.policyConstraints, sequence(contextPrimitive(n, unsignedInteger(count).subarray(2))), isCritical);
export const required = (count: number) => constraint(0, count);
export const unmapped = (count: number) => constraint(1, count);
export const inhibitAny = (count: number, isCritical = true) =>
  extensionOf(OID.inhibitAnyPolicy, unsignedInteger(count), isCritical);
/** From the first to the second, from the third to the fourth, and so on. */
export const mapped = (...oids: readonly string[]) => {
  const pairs = oids.flatMap((from, i) => (i % 2 === 0 ? [sequence(oid(from), oid(oids[i + 1] as string))] : []));
  return extensionOf(OID.policyMappings, sequence(...pairs), true);
};

export const [A, B, C] = ['1.2.3.1', '1.2.3.2', '1.2.3.3'] as const;
export const ANY = OID.anyPolicy;

/** Two intermediates and a leaf with these extensions. */
export function along(
  upper: Extensions,
  lower: Extensions,
  leaf: Extensions,
  initialPolicies?: InitialPolicies,
): PathResult {
  const first = make({ issuer: root, isCa: true, moreExtensions: upper });
  const second = make({ issuer: first, isCa: true, moreExtensions: lower });
  return judge(leafOf(second, { moreExtensions: leaf }), [first, second], [root], { initialPolicies });
}
