import { OID } from '../../../src/codec/oid.ts';
import type { InitialPolicies } from '../../../src/pki/path/policy.ts';
import type { Extensions } from '../../../src/pki/x509/certificate/extensions.ts';

/** As much of a certificate as policies are judged by. */
export interface PolicyFacts {
  readonly isSelfIssued: boolean;
  readonly extensions: Pick<
    Extensions,
    'certificatePolicies' | 'policyMappings' | 'policyConstraints' | 'inhibitAnyPolicy'
  >;
}

interface Node {
  readonly policy: string;
  expected: Set<string>;
  readonly parent: Node | undefined;
  readonly depth: number;
}

/** `undefined` where the path is refused. */
export type Verdict = ReadonlySet<string> | undefined;

/**
 * Policies of a path, the certificate under the anchor first, exactly as RFC 5280 section 6.1 writes it down: with the
 * whole tree. Grows without bound: for tests.
 */
export function judgedWithTree(path: readonly PolicyFacts[], initial: InitialPolicies): Verdict {
  const n = path.length;
  const userInitial = new Set(initial.userInitialPolicySet ?? [OID.anyPolicy]);
  let tree: Node[] = [{ policy: OID.anyPolicy, expected: new Set([OID.anyPolicy]), parent: undefined, depth: 0 }];
  let explicit = initial.initialExplicitPolicy === true ? 0 : n + 1;
  let mapping = initial.initialPolicyMappingInhibit === true ? 0 : n + 1;
  let inhibit = initial.initialAnyPolicyInhibit === true ? 0 : n + 1;

  const prune = (depth: number): void => {
    for (let d = depth; d >= 0; d--) {
      const parents = new Set(tree.map(({ parent }) => parent));
      tree = tree.filter((node) => node.depth !== d || parents.has(node));
    }
  };

  for (const [index, { isSelfIssued, extensions }] of path.entries()) {
    const i = index + 1;
    const { certificatePolicies, policyMappings = [], policyConstraints, inhibitAnyPolicy } = extensions;
    // 6.1.3 d
    if (certificatePolicies !== undefined && tree.length > 0) {
      const above = tree.filter(({ depth }) => depth === i - 1);
      const added: Node[] = [];
      const add = (parent: Node, policy: string) =>
        added.push({ policy, expected: new Set([policy]), parent, depth: i });
      for (const policy of certificatePolicies) {
        if (policy === OID.anyPolicy) continue;
        const matches = above.filter(({ expected }) => expected.has(policy));
        for (const parent of matches) add(parent, policy);
        if (matches.length > 0) continue;
        for (const parent of above) if (parent.policy === OID.anyPolicy) add(parent, policy);
      }
      if (certificatePolicies.includes(OID.anyPolicy) && (inhibit > 0 || (i < n && isSelfIssued)))
        for (const parent of above)
          for (const policy of parent.expected)
            if (!added.some((node) => node.parent === parent && node.policy === policy)) add(parent, policy);
      tree.push(...added);
      prune(i - 1);
    }
    // 6.1.3 e, f
    if (certificatePolicies === undefined) tree = [];
    if (explicit === 0 && tree.length === 0) return undefined;
    if (i === n) {
      // 6.1.5 a, b
      if (explicit !== 0) explicit -= 1;
      if (policyConstraints?.requireExplicitPolicy === 0) explicit = 0;
      break;
    }
    // 6.1.4 a, b
    for (const { issuerDomain, subjectDomain } of policyMappings)
      if (issuerDomain === OID.anyPolicy || subjectDomain === OID.anyPolicy) return undefined;
    for (const from of new Set(policyMappings.map(({ issuerDomain }) => issuerDomain))) {
      const to = policyMappings.filter(({ issuerDomain }) => issuerDomain === from).map((m) => m.subjectDomain);
      const here = tree.filter(({ depth }) => depth === i);
      if (mapping > 0) {
        const mapped = here.filter(({ policy }) => policy === from);
        for (const node of mapped) node.expected = new Set(to);
        const any = here.find(({ policy }) => policy === OID.anyPolicy);
        if (mapped.length === 0 && any !== undefined)
          tree.push({ policy: from, expected: new Set(to), parent: any.parent, depth: i });
      } else {
        tree = tree.filter(({ depth, policy }) => depth !== i || policy !== from);
        prune(i - 1);
      }
    }
    // 6.1.4 h, i, j
    if (!isSelfIssued) {
      explicit = Math.max(0, explicit - 1);
      mapping = Math.max(0, mapping - 1);
      inhibit = Math.max(0, inhibit - 1);
    }
    explicit = Math.min(explicit, policyConstraints?.requireExplicitPolicy ?? explicit);
    mapping = Math.min(mapping, policyConstraints?.inhibitPolicyMapping ?? mapping);
    inhibit = Math.min(inhibit, inhibitAnyPolicy ?? inhibit);
  }
  // 6.1.5 g
  const isAcceptable = (policy: string): boolean => userInitial.has(OID.anyPolicy) || userInitial.has(policy);
  const isSettled = ({ policy, parent }: Node): boolean => parent?.policy === OID.anyPolicy && policy !== OID.anyPolicy;
  const settled = new Set(tree.filter(isSettled).map(({ policy }) => policy));
  const isWithout = (node: Node | undefined): boolean =>
    node !== undefined && ((isSettled(node) && !isAcceptable(node.policy)) || isWithout(node.parent));
  tree = tree.filter((node) => !isWithout(node));
  const last = tree.find(({ depth, policy }) => depth === n && policy === OID.anyPolicy);
  if (last !== undefined && !userInitial.has(OID.anyPolicy)) {
    for (const policy of userInitial)
      if (!settled.has(policy)) tree.push({ policy, expected: new Set([policy]), parent: last.parent, depth: n });
    tree = tree.filter((node) => node !== last);
  }
  prune(n - 1);
  if (explicit === 0 && tree.length === 0) return undefined;
  const left = tree.filter((node) => isSettled(node) || (node.depth === n && node.policy === OID.anyPolicy));
  return new Set(left.map(({ policy }) => policy));
}
