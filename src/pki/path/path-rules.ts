import type { UnixMs } from '../../base/time.ts';
import { toRfc3339 } from '../../base/time.ts';
import { OID } from '../../codec/oid.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';
import { KEY_USAGE } from '../x509/certificate/extensions.ts';
import { NameConstraintState, type NameJudgement } from './name-constraints.ts';
import { describe, type PathRefusal, refusal } from './path-result.ts';
import type { PathWork } from './path-work.ts';
import { type PeerName, namesPeer } from './peer-name.ts';
import { type InitialPolicies, PolicyState } from './policy.ts';

/** Whether a certificate of this issuer is revoked or its status cannot be told; `undefined` lets it pass. */
export type CheckRevocation = (
  certificate: Certificate,
  issuer: Certificate,
  depth: number,
  path: readonly Certificate[],
) => PathRefusal | undefined;

/** What is asked of a path beside RFC 5280. */
export interface PathDemands {
  readonly at: UnixMs;
  /** OIDs that the extended key usage, where there is one, must all hold. */
  readonly extendedKeyUsages?: readonly string[] | undefined;
  /** Bits of KEY_USAGE that the leaf's key usage, where there is one, must all have. */
  readonly keyUsage?: number | undefined;
  /** All of these must be among the leaf's names. */
  readonly peerNames?: readonly PeerName[] | undefined;
  /** Any policy will do, and none need be, unless told otherwise. */
  readonly initialPolicies?: InitialPolicies | undefined;
  readonly checkRevocation?: CheckRevocation | undefined;
}

export type PathJudged =
  | PathRefusal
  | { readonly tag: 'ok' /** As {@link PolicyState.userConstrained}. */; readonly policies: ReadonlySet<string> };

/**
 * RFC 5280 section 6.1 over one path, leaf first and anchor last, whose signatures and name chaining have been checked
 * (6.1.3 a 1 and 4). The anchor is judged like a certificate: its own dates, constraints and path length hold too. A leaf
 * that is itself an anchor is a path of one.
 *
 * @returns the first rule broken, from the anchor down, or what the path is valid for.
 */
export function judgeRules(path: readonly Certificate[], demands: PathDemands, work: PathWork): PathJudged {
  const leafDepth = 0;
  const anchorDepth = path.length - 1;
  const names = new NameConstraintState(work);
  const policies = new PolicyState(Math.max(anchorDepth, 1), demands.initialPolicies);
  let intermediatesMax = Number.POSITIVE_INFINITY;

  for (let depth = anchorDepth; depth >= leafDepth; depth--) {
    const certificate = path[depth] as Certificate;
    const issuer = path[depth + 1];
    const isLast = depth === leafDepth;

    const isAnchored = issuer === undefined || issuer.fingerprintHex === certificate.fingerprintHex;
    const broken = work.conformanceOf(certificate, isAnchored, depth) ?? judgeValidity(certificate, demands.at, depth);
    if (broken !== undefined) return broken;
    if (issuer !== undefined) {
      // 6.1.3 a 3
      const revoked = demands.checkRevocation?.(certificate, issuer, depth, path);
      if (revoked !== undefined) return revoked;
      // 6.1.3 b, c
      const judgement = certificate.isSelfIssued && !isLast ? 'within' : names.judge(certificate);
      if (judgement !== 'within') return refuseName(certificate, judgement, depth);
    }
    if (issuer !== undefined || isLast) {
      // 6.1.3 d, e
      policies.process(certificate, isLast);
      if (!work.mayLookAt(policies.size))
        return refusal('ERR_PATH_LIMIT', `${describe(certificate)} is below too many policies`, depth);
    }
    const misused =
      issuer === undefined && !isLast
        ? undefined
        : judgeExtendedKeyUsage(certificate, demands.extendedKeyUsages ?? [], depth);
    if (misused !== undefined) return misused;
    if (isLast) break;

    // 6.1.4 k to n
    const notCa = judgeCa(certificate, depth);
    if (notCa !== undefined) return notCa;
    if (issuer !== undefined) {
      if (!certificate.isSelfIssued) {
        if (intermediatesMax <= 0)
          return refusal(
            'ERR_PATH_CONSTRAINT',
            `${describe(certificate)} exceeds a path length constraint above it`,
            depth,
          );
        intermediatesMax -= 1;
      }
      policies.prepareNext(certificate);
    }
    intermediatesMax = Math.min(
      intermediatesMax,
      certificate.extensions.basicConstraints?.pathLenMax ?? Number.POSITIVE_INFINITY,
    );
    // 6.1.4 g
    const { nameConstraints } = certificate.extensions;
    if (nameConstraints !== undefined && !names.add(nameConstraints))
      return refusal('ERR_PATH_CONSTRAINT', `${describe(certificate)} has a name constraint that means nothing`, depth);
  }
  const leaf = path[leafDepth] as Certificate;
  const valid = policies.userConstrained();
  if (policies.isRequired(leaf) && valid.size === 0)
    return refusal(
      'ERR_PATH_CONSTRAINT',
      `${describe(leaf)} has no policy that will do, and one is required`,
      leafDepth,
    );
  return judgeLeaf(leaf, demands, work) ?? { tag: 'ok', policies: valid };
}

/** How much there is in a certificate to judge, for these demands. */
export function elementsOf(
  { extensions, subject }: Certificate,
  { peerNames, extendedKeyUsages }: PathDemands,
): number {
  const { subjectAltName, nameConstraints, certificatePolicies, policyMappings, extendedKeyUsage } = extensions;
  const names = (subjectAltName?.length ?? 0) * (1 + (peerNames?.length ?? 0)) + subject.canonical.length;
  const constraints = (nameConstraints?.permitted.length ?? 0) + (nameConstraints?.excluded.length ?? 0);
  const policies = (certificatePolicies?.length ?? 0) + (policyMappings?.length ?? 0);
  const purposes = (extendedKeyUsage?.length ?? 0) * (1 + (extendedKeyUsages?.length ?? 0));
  return 1 + names + constraints + policies + purposes;
}

function judgeValidity(certificate: Certificate, at: UnixMs, depth: number): PathRefusal | undefined {
  const { notBefore, notAfter } = certificate;
  if (at < notBefore)
    return refusal(
      'ERR_PATH_NOT_YET_VALID',
      `${describe(certificate)} is valid from ${toRfc3339(notBefore)}, not at ${toRfc3339(at)}`,
      depth,
    );
  // 4.1.2.5: both ends are included, to the second.
  if (at >= notAfter + 1_000)
    return refusal('ERR_PATH_EXPIRED', `${describe(certificate)} expired at ${toRfc3339(notAfter)}`, depth);
  return undefined;
}

function judgeCa(certificate: Certificate, depth: number): PathRefusal | undefined {
  if (!certificate.isCa)
    return refusal('ERR_PATH_CONSTRAINT', `${describe(certificate)} is no CA, but issued a certificate`, depth);
  const { keyUsage } = certificate.extensions;
  if (keyUsage !== undefined && (keyUsage & KEY_USAGE.keyCertSign) === 0)
    return refusal('ERR_PATH_USAGE', `${describe(certificate)} issued a certificate without keyCertSign`, depth);
  return undefined;
}

/**
 * RFC 5280 leaves open what the extension means in a CA; as everywhere in practice, an intermediate that has it may
 * issue for these purposes only. The anchor is trusted for what it is configured for.
 */
function judgeExtendedKeyUsage(
  certificate: Certificate,
  wanted: readonly string[],
  depth: number,
): PathRefusal | undefined {
  const held = certificate.extensions.extendedKeyUsage;
  if (held === undefined || held.includes(OID.anyExtendedKeyUsage)) return undefined;
  const missing = wanted.find((oid) => oid !== OID.anyExtendedKeyUsage && !held.includes(oid));
  return missing === undefined
    ? undefined
    : refusal('ERR_PATH_USAGE', `${describe(certificate)} may not be used for ${missing}`, depth);
}

function judgeLeaf(leaf: Certificate, { keyUsage, peerNames }: PathDemands, work: PathWork): PathRefusal | undefined {
  const held = leaf.extensions.keyUsage;
  if (keyUsage !== undefined && held !== undefined && (held & keyUsage) !== keyUsage)
    return refusal('ERR_PATH_USAGE', `${describe(leaf)} lacks a key usage that is needed`, 0);
  for (const name of peerNames ?? [])
    if (!namesPeer(work.alternativeNamesOf(leaf), name))
      return refusal('ERR_PATH_NAME', `${describe(leaf)} does not name ${JSON.stringify(name.value.slice(0, 80))}`, 0);
  return undefined;
}

const NAME_REFUSALS: Readonly<Record<Exclude<NameJudgement, 'within' | 'too-costly'>, string>> = {
  'not-permitted': 'has a name that a CA above it does not permit',
  excluded: 'has a name that a CA above it excludes',
  unsupported: 'has a name of a form that is constrained and not understood here',
};

function refuseName(certificate: Certificate, judgement: Exclude<NameJudgement, 'within'>, depth: number): PathRefusal {
  if (judgement === 'too-costly')
    return refusal('ERR_PATH_LIMIT', `${describe(certificate)} has too many names under too many constraints`, depth);
  return refusal('ERR_PATH_CONSTRAINT', `${describe(certificate)} ${NAME_REFUSALS[judgement]}`, depth);
}
