import { OID } from '../../codec/oid.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';

/**
 * Certificate policies along a path (RFC 5280 sections 6.1.2 to 6.1.5, with any-policy as the initial set and no initial
 * flag set). As no caller asks which policies are valid, only for whether some are when a CA requires it, one level of
 * the tree is enough: a map from each valid policy to those expected below it. It grows with the certificates, where
 * the tree of the RFC grows exponentially (RFC 9618).
 */
export class PolicyState {
  #level: ReadonlyMap<string, ReadonlySet<string>> = new Map([[OID.anyPolicy, new Set([OID.anyPolicy])]]);
  /** Certificates that may still follow before a policy is required, mapping is inhibited, anyPolicy is inhibited. */
  #explicitIn: number;
  #mappingIn: number;
  #anyPolicyIn: number;

  constructor(certificates: number) {
    this.#explicitIn = certificates + 1;
    this.#mappingIn = certificates + 1;
    this.#anyPolicyIn = certificates + 1;
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

  /** 6.1.5 a, b and g, behind the last certificate. @returns false where a required policy is missing. */
  wrapUp({ extensions }: Certificate): boolean {
    const isRequired = this.#explicitIn <= 1 || extensions.policyConstraints?.requireExplicitPolicy === 0;
    return !isRequired || this.#level.size > 0;
  }

  #nextLevel(
    policies: readonly string[],
    { isSelfIssued }: Certificate,
    isLast: boolean,
  ): Map<string, ReadonlySet<string>> {
    const expected = new Set<string>();
    for (const set of this.#level.values()) for (const policy of set) expected.add(policy);
    const hasAny = this.#level.has(OID.anyPolicy);
    const next = new Map<string, ReadonlySet<string>>();
    for (const policy of policies) {
      if (policy === OID.anyPolicy) continue;
      if (expected.has(policy) || hasAny) next.set(policy, new Set([policy]));
    }
    if (policies.includes(OID.anyPolicy) && (this.#anyPolicyIn > 0 || (!isLast && isSelfIssued)))
      for (const policy of expected) if (!next.has(policy)) next.set(policy, new Set([policy]));
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
    for (const [policy, set] of mapped) {
      if (this.#mappingIn === 0) level.delete(policy);
      else if (level.has(policy) || level.has(OID.anyPolicy)) level.set(policy, set);
    }
    this.#level = level;
  }
}
