import { OID } from '../../codec/oid.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';

/** What a caller asks of policies, and forbids, from the outset: the inputs c and e to g of RFC 5280 section 6.1.1. */
export interface InitialPolicies {
  /** Policies of which any will do. Where this is absent, or anyPolicy among them: every policy will. */
  readonly userInitialPolicySet?: readonly string[] | undefined;
  /** The path must be valid for one of them, whether or not a CA requires a policy. */
  readonly initialExplicitPolicy?: boolean | undefined;
  /** No CA may let one policy stand for another. */
  readonly initialPolicyMappingInhibit?: boolean | undefined;
  /** anyPolicy stands for nothing, wherever a certificate has it. */
  readonly initialAnyPolicyInhibit?: boolean | undefined;
}

/** A policy that is valid at some depth, as that certificate calls it. */
interface PolicyNode {
  readonly policy: string;
  /** What it is called one certificate below. */
  readonly expected: readonly string[];
  /** What it was called one certificate above: several, where several were mapped to it. */
  readonly parents: readonly PolicyNode[];
}

const ANY: PolicyNode = { policy: OID.anyPolicy, expected: [OID.anyPolicy], parents: [] };

/**
 * Certificate policies along a path (RFC 5280 sections 6.1.2 to 6.1.5) in the graph of RFC 9618: one node a policy and
 * certificate, so that it grows with the certificates, where the tree of RFC 5280 grows exponentially.
 */
export class PolicyState {
  readonly #userInitial: ReadonlySet<string>;
  #level: ReadonlyMap<string, PolicyNode> = new Map([[OID.anyPolicy, ANY]]);
  /** Certificates that may still follow before a policy is required, mapping is inhibited, anyPolicy is inhibited. */
  #explicitIn: number;
  #mappingIn: number;
  #anyPolicyIn: number;

  constructor(certificates: number, initial: InitialPolicies = {}) {
    const from = (isSet: boolean | undefined): number => (isSet === true ? 0 : certificates + 1);
    this.#userInitial = new Set(initial.userInitialPolicySet ?? [OID.anyPolicy]);
    this.#explicitIn = from(initial.initialExplicitPolicy);
    this.#mappingIn = from(initial.initialPolicyMappingInhibit);
    this.#anyPolicyIn = from(initial.initialAnyPolicyInhibit);
  }

  /**
   * 6.1.3 d and e, for every certificate below the anchor in order. Step f waits for {@link wrapUp}: neither an empty level
   * nor a count of zero ever recovers.
   */
  process(certificate: Certificate, isLast: boolean): void {
    const policies = certificate.extensions.certificatePolicies;
    this.#level = policies === undefined ? new Map() : this.#nextLevel(policies, certificate, isLast);
  }

  /** How many policies are valid so far: as many as one certificate above has, wherever those below take any. */
  get size(): number {
    return this.#level.size;
  }

  /** 6.1.4 a, b and h to j, between two certificates. */
  prepareNext({ isSelfIssued, extensions }: Certificate): void {
    this.#applyMappings(extensions.policyMappings ?? []);
    if (!isSelfIssued) {
      this.#explicitIn = Math.max(0, this.#explicitIn - 1);
      this.#mappingIn = Math.max(0, this.#mappingIn - 1);
      this.#anyPolicyIn = Math.max(0, this.#anyPolicyIn - 1);
    }
    const { requireExplicitPolicy, inhibitPolicyMapping } = extensions.policyConstraints ?? {};
    this.#explicitIn = Math.min(this.#explicitIn, requireExplicitPolicy ?? Number.POSITIVE_INFINITY);
    this.#mappingIn = Math.min(this.#mappingIn, inhibitPolicyMapping ?? Number.POSITIVE_INFINITY);
    this.#anyPolicyIn = Math.min(this.#anyPolicyIn, extensions.inhibitAnyPolicy ?? Number.POSITIVE_INFINITY);
  }

  /** 6.1.5 a and b, behind the last certificate: whether the path must be valid for a policy. */
  isRequired({ extensions }: Certificate): boolean {
    return this.#explicitIn <= 1 || extensions.policyConstraints?.requireExplicitPolicy === 0;
  }

  /**
   * The user-constrained policy set (6.1.5 g, RFC 9618 section 5.5), behind the last certificate: for which of the policies
   * that will do the path is valid, as they are called at the top. anyPolicy is among them where every policy will do, and holds.
   */
  userConstrained(): ReadonlySet<string> {
    const valid = this.#authorityConstrained();
    if (this.#userInitial.has(OID.anyPolicy)) return valid;
    return valid.has(OID.anyPolicy) ? this.#userInitial : this.#userInitial.intersection(valid);
  }

  /** Policies that the first certificate to know them has, or takes as any: those below anyPolicy that lead to the last level. */
  #authorityConstrained(): ReadonlySet<string> {
    const valid = new Set<string>(this.#level.has(OID.anyPolicy) ? [OID.anyPolicy] : []);
    const walked = new Set(this.#level.values());
    for (const { policy, parents } of walked) // grows while it is walked
      for (const parent of parents) {
        if (parent.policy === OID.anyPolicy && policy !== OID.anyPolicy) valid.add(policy);
        walked.add(parent);
      }
    return valid;
  }

  #nextLevel(
    policies: readonly string[],
    { isSelfIssued }: Certificate,
    isLast: boolean,
  ): ReadonlyMap<string, PolicyNode> {
    const expecting = new Map<string, PolicyNode[]>();
    for (const node of this.#level.values())
      for (const policy of node.expected) {
        const nodes = expecting.get(policy);
        if (nodes === undefined) expecting.set(policy, [node]);
        else nodes.push(node);
      }
    const any = this.#level.get(OID.anyPolicy);
    const next = new Map<string, PolicyNode>();
    const add = (policy: string, parents: readonly PolicyNode[]) =>
      next.set(policy, { policy, expected: [policy], parents });
    for (const policy of policies) {
      if (policy === OID.anyPolicy) continue;
      const parents = expecting.get(policy) ?? (any === undefined ? undefined : [any]);
      if (parents !== undefined) add(policy, parents);
    }
    if (policies.includes(OID.anyPolicy) && (this.#anyPolicyIn > 0 || (!isLast && isSelfIssued)))
      for (const [policy, parents] of expecting) if (!next.has(policy)) add(policy, parents);
    return next;
  }

  #applyMappings(mappings: readonly { readonly issuerDomain: string; readonly subjectDomain: string }[]): void {
    if (mappings.length === 0) return;
    const level = new Map(this.#level);
    const mapped = new Map<string, Set<string>>();
    for (const { issuerDomain, subjectDomain } of mappings) {
      const set = mapped.get(issuerDomain) ?? new Set<string>();
      mapped.set(issuerDomain, set.add(subjectDomain));
    }
    const any = level.get(OID.anyPolicy);
    for (const [policy, names] of mapped) {
      const parents = (level.get(policy) ?? any)?.parents;
      if (this.#mappingIn === 0) level.delete(policy);
      else if (parents !== undefined) level.set(policy, { policy, expected: [...names], parents });
    }
    this.#level = level;
  }
}
