import type { UnixMs } from '../../base/time.ts';
import type { CheckX509Signature } from '../../crypto/signatures/x509-signature.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';
import { type DistinguishedName, nameKey } from '../x509/name/distinguished-name.ts';
import { describe, type PathAccepted, type PathRefusal, type PathResult, refusal } from './path-result.ts';
import { elementsOf, judgeRules, type PathDemands } from './path-rules.ts';
import { PathWork } from './path-work.ts';

/** Certificates of a path, self-issued ones and the anchor included. A mesh has three or four, PKIs in use up to ten. */
export const PATH_CERTIFICATES_MAX = 32;

/** Signature checks of one validation: 100 × 45 microseconds. A chain of a mesh takes two or three. */
export const SIGNATURE_CHECKS_MAX = 100;

/** Beginnings of paths that one validation looks at; remembered signatures make most free. */
export const PATH_SEARCH_STEPS_MAX = 4_000;

/** Complete paths whose rules are judged, some 10 microseconds each. A roll-over of the root gives two. */
export const PATHS_JUDGED_MAX = 1_000;

export interface PathInput extends PathDemands {
  readonly leaf: Certificate;
  /** Certificates that may stand between leaf and anchor, in any order, useful or not. */
  readonly untrusted: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly checkSignature: CheckX509Signature;
  /** Intermediates that are not self-issued; RFC 5280 sets no bound. */
  readonly intermediatesMax?: number | undefined;
}

/**
 * Certification path building and validation after RFC 5280 section 6: finds a path from the leaf to an anchor that
 * keeps every rule, where one exists within the limits above. Knows nothing of meshes. Pure: same input, same result.
 *
 * Tries likely paths first: over issuers that may issue at all, and that have the right key identifier. Of equally likely
 * ones it tries the short before the long, so that a maze of CAs that certify each other hides no way out. Follows only edges
 * whose signature holds, each checked once. The refusal is that of the first complete path; without one it says why none could be
 * built.
 */
export function validatePath(input: PathInput): PathResult {
  return new Search(input).run();
}

/** The beginning of a path, leaf first. */
interface Beginning {
  readonly path: readonly Certificate[];
  /** Those in it that are neither the leaf nor self-issued. */
  readonly intermediates: number;
  /** How unlikely its issuers are, taken together. */
  readonly doubts: number;
}

class Search {
  readonly #input: PathInput;
  readonly #intermediatesMax: number;
  readonly #untrusted: ReadonlyMap<string, readonly Certificate[]>;
  readonly #anchors: ReadonlyMap<string, readonly Certificate[]>;
  readonly #work = new PathWork();
  readonly #signatures = new Map<string, boolean>();
  readonly #nameKeys = new Map<DistinguishedName, string>();
  /** By {@link Beginning.doubts}. */
  readonly #queues: Beginning[][] = [];
  #steps = 0;
  #pathsJudged = 0;
  /** Why the search did not see everything; it says so only where it has found nothing. */
  #limit: PathRefusal | undefined;
  #refusal: PathRefusal | undefined;
  #buildRefusal: PathRefusal | undefined;

  constructor(input: PathInput) {
    this.#input = input;
    this.#intermediatesMax = input.intermediatesMax ?? Number.POSITIVE_INFINITY;
    // An anchor that is also sent along needs no second place in the path; nor does a copy.
    const known = new Set([input.leaf, ...input.anchors].map(({ fingerprintHex }) => fingerprintHex));
    this.#anchors = this.#bySubject(input.anchors);
    this.#untrusted = this.#bySubject(
      input.untrusted.filter(
        ({ fingerprintHex }) => !known.has(fingerprintHex) && known.add(fingerprintHex) !== undefined,
      ),
    );
  }

  run(): PathResult {
    const { leaf, anchors } = this.#input;
    const isAnchor = anchors.some(({ fingerprintHex }) => fingerprintHex === leaf.fingerprintHex);
    const alone = isAnchor ? this.#judge([leaf]) : undefined;
    if (alone !== undefined) return alone;
    this.#enqueue({ path: [leaf], intermediates: 0, doubts: 0 });
    // Both grow while they are walked; what follows a beginning is never less doubtful.
    for (const queue of this.#queues)
      for (const beginning of queue) {
        if (!this.#isLinked(beginning)) continue;
        const found = this.#complete(beginning);
        if (found !== undefined) return found;
        this.#extend(beginning);
      }
    return (
      this.#limit ??
      this.#refusal ??
      this.#buildRefusal ??
      refusal('ERR_PATH_NO_ANCHOR', `no trust anchor or intermediate issued ${describe(leaf)}`, 0)
    );
  }

  /** The path with an anchor behind it, where that keeps every rule. */
  #complete({ path, intermediates }: Beginning): PathAccepted | undefined {
    const child = path[path.length - 1] as Certificate;
    for (const { issuer: anchor } of this.#issuersOf(child, this.#anchors, intermediates)) {
      if (!this.#isSignedBy(child, anchor, path.length - 1)) continue;
      const accepted = this.#judge([...path, anchor]);
      if (accepted !== undefined) return accepted;
    }
    return undefined;
  }

  #judge(path: readonly Certificate[]): PathAccepted | undefined {
    this.#pathsJudged += 1;
    const elements = path.reduce((sum, certificate) => sum + elementsOf(certificate, this.#input), 0);
    if (this.#pathsJudged > PATHS_JUDGED_MAX || !this.#work.mayLookAt(elements)) {
      this.#limit ??= refusal('ERR_PATH_LIMIT', `${describe(this.#input.leaf)} has too many possible paths`, 0);
      return undefined;
    }
    const judged = judgeRules(path, this.#input, this.#work);
    if (judged.tag === 'ok') return { ...judged, path };
    this.#refusal ??= judged;
    if (judged.code === 'ERR_PATH_LIMIT') this.#limit ??= judged;
    return undefined;
  }

  /** Puts the path in line again with each possible issuer behind it. */
  #extend({ path, intermediates, doubts }: Beginning): void {
    const child = path[path.length - 1] as Certificate;
    const depth = path.length - 1;
    for (const { issuer, doubt } of this.#issuersOf(child, this.#untrusted, intermediates)) {
      if (path.includes(issuer)) continue;
      const more = intermediates + (issuer.isSelfIssued ? 0 : 1);
      if (more > this.#intermediatesMax || path.length + 2 > PATH_CERTIFICATES_MAX) {
        this.#buildRefusal ??= refusal(
          'ERR_PATH_LIMIT',
          `${describe(child)} needs a longer path than is allowed`,
          depth,
        );
        continue;
      }
      if (this.#steps >= PATH_SEARCH_STEPS_MAX) return this.#tooMany(child, depth);
      this.#enqueue({ path: [...path, issuer], intermediates: more, doubts: doubts + doubt });
    }
  }

  #enqueue(beginning: Beginning): void {
    this.#steps += 1;
    while (this.#queues.length <= beginning.doubts) this.#queues.push([]);
    this.#queues[beginning.doubts]?.push(beginning);
  }

  /** Whether the last certificate signed the one before. Asked when its turn has come: most never have one. */
  #isLinked({ path }: Beginning): boolean {
    const depth = path.length - 2;
    return depth < 0 || this.#isSignedBy(path[depth] as Certificate, path[depth + 1] as Certificate, depth);
  }

  #isSignedBy(child: Certificate, issuer: Certificate, depth: number): boolean {
    const key = `${child.fingerprintHex}${issuer.keyHash}`;
    const known = this.#signatures.get(key);
    if (known !== undefined) return known;
    if (this.#signatures.size >= SIGNATURE_CHECKS_MAX) {
      this.#tooMany(child, depth);
      return false;
    }
    const holds = this.#input.checkSignature(child.signatureAlgorithm, issuer.spki, child.tbs, child.signature);
    this.#signatures.set(key, holds);
    if (!holds)
      this.#buildRefusal ??= refusal(
        'ERR_PATH_SIGNATURE',
        `the signature of ${describe(child)} is not that of ${describe(issuer)}, or of a kind that is not trusted here`,
        depth,
      );
    return holds;
  }

  #tooMany(child: Certificate, depth: number): void {
    this.#limit ??= refusal('ERR_PATH_LIMIT', `${describe(child)}: too many possible issuers`, depth);
  }

  #bySubject(certificates: readonly Certificate[]): ReadonlyMap<string, readonly Certificate[]> {
    return Map.groupBy(certificates, ({ subject }) => this.#keyOf(subject));
  }

  /** Equal for names that are one name, and for no others. A name may fill its certificate: it is written once. */
  #keyOf(name: DistinguishedName): string {
    let key = this.#nameKeys.get(name);
    if (key === undefined) {
      key = nameKey(name);
      this.#nameKeys.set(name, key);
    }
    return key;
  }

  /** Certificates whose subject is the child's issuer, the likeliest first. */
  #issuersOf(
    child: Certificate,
    pool: ReadonlyMap<string, readonly Certificate[]>,
    intermediates: number,
  ): readonly Candidate[] {
    const { at } = this.#input;
    const wanted = child.extensions.authorityKeyIdentifier?.keyId;
    const doubtOf = (issuer: Certificate): number =>
      (mayIssue(issuer, at, intermediates) ? 0 : 2) +
      (wanted === undefined || issuer.extensions.subjectKeyIdentifier === wanted ? 0 : 1);
    const named = pool.get(this.#keyOf(child.issuer)) ?? [];
    if (!this.#work.mayLookAt(named.length)) {
      this.#tooMany(child, 0);
      return [];
    }
    return named.map((issuer) => ({ issuer, doubt: doubtOf(issuer) })).sort((a, b) => a.doubt - b.doubt);
  }
}

interface Candidate {
  readonly issuer: Certificate;
  readonly doubt: number;
}

/** What can be told of an issuer by itself: it is a CA, it is in its time, and its path length allows what lies below. */
function mayIssue({ isCa, notBefore, notAfter, extensions }: Certificate, at: UnixMs, intermediates: number): boolean {
  const isInTime = notBefore <= at && at < notAfter + 1_000;
  return isCa && isInTime && intermediates <= (extensions.basicConstraints?.pathLenMax ?? Number.POSITIVE_INFINITY);
}
