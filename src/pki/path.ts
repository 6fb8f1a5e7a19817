import type { CheckX509Signature } from '../crypto/x509-signature.ts';
import type { Certificate } from './certificate.ts';
import { isSameName } from './distinguished-name.ts';
import { NAME_COMPARISONS_MAX } from './name-constraints.ts';
import { describe, type PathRefusal, type PathResult, refusal } from './path-result.ts';
import { judgeRules, type PathDemands } from './path-rules.ts';

/** Intermediates of a path that are not self-issued, where the caller names no other number. A mesh has one or two. */
export const INTERMEDIATES_MAX = 8;

/** Certificates of a path, self-issued ones and the anchor included. */
export const PATH_CERTIFICATES_MAX = 16;

/** Signature checks of one validation: 100 × 45 microseconds. A chain of a mesh takes two or three. */
export const SIGNATURE_CHECKS_MAX = 100;

/** Edges from a certificate to a possible issuer that one validation follows; remembered signatures make most free. */
export const PATH_STEPS_MAX = 2_000;

/** Complete paths whose rules are judged. A roll-over of the root gives two; beyond this somebody plays. */
export const PATHS_JUDGED_MAX = 64;

export interface PathInput extends PathDemands {
  readonly leaf: Certificate;
  /** Certificates that may stand between leaf and anchor, in any order, useful or not. */
  readonly untrusted: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly checkSignature: CheckX509Signature;
  readonly intermediatesMax?: number | undefined;
}

/**
 * Certification path building and validation after RFC 5280 section 6: finds a path from the leaf to an anchor that
 * keeps every rule, where one exists within the limits above. Knows nothing of meshes. Pure: same input, same result.
 *
 * Searches depth first, issuers with the right key identifier before others and anchors before intermediates, and
 * follows only edges whose signature holds, each checked once. The refusal is that of the first complete path; without
 * one it says why none could be built.
 */
export function validatePath(input: PathInput): PathResult {
  return new Search(input).run();
}

class Search {
  readonly #input: PathInput;
  readonly #intermediatesMax: number;
  readonly #untrusted: readonly Certificate[];
  readonly #budget = { left: NAME_COMPARISONS_MAX };
  readonly #signatures = new Map<string, boolean>();
  #stepsLeft = PATH_STEPS_MAX;
  #pathsLeft = PATHS_JUDGED_MAX;
  #refusal: PathRefusal | undefined;
  #buildRefusal: PathRefusal | undefined;

  constructor(input: PathInput) {
    this.#input = input;
    this.#intermediatesMax = input.intermediatesMax ?? INTERMEDIATES_MAX;
    // An anchor that is also sent along needs no second place in the path; nor does a copy.
    const known = new Set([input.leaf, ...input.anchors].map(({ fingerprintHex }) => fingerprintHex));
    this.#untrusted = input.untrusted.filter(
      ({ fingerprintHex }) => !known.has(fingerprintHex) && known.add(fingerprintHex) !== undefined,
    );
  }

  run(): PathResult {
    const found = this.#extend([this.#input.leaf], 0);
    if (found !== undefined) return { tag: 'ok', path: found };
    const { leaf } = this.#input;
    return (
      this.#refusal ??
      this.#buildRefusal ??
      refusal('ERR_PATH_NO_ANCHOR', `no trust anchor or intermediate issued ${describe(leaf)}`, 0)
    );
  }

  /** A complete, valid path that begins with `path`. `intermediates` counts those in it that are not self-issued. */
  #extend(path: readonly Certificate[], intermediates: number): readonly Certificate[] | undefined {
    const child = path[path.length - 1] as Certificate;
    const depth = path.length - 1;
    for (const anchor of issuersOf(child, this.#input.anchors)) {
      if (!this.#isSignedBy(child, anchor, depth)) continue;
      this.#pathsLeft -= 1;
      if (this.#pathsLeft < 0)
        this.#refusal = refusal('ERR_PATH_LIMIT', `${describe(this.#input.leaf)} has too many possible paths`, 0);
      if (this.#refusal?.code === 'ERR_PATH_LIMIT') return undefined;
      const complete = [...path, anchor];
      const broken = judgeRules(complete, this.#input, this.#budget);
      if (broken === undefined) return complete;
      this.#refusal ??= broken;
      if (broken.code === 'ERR_PATH_LIMIT') return undefined;
    }
    for (const issuer of issuersOf(child, this.#untrusted)) {
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
      if (!this.#isSignedBy(child, issuer, depth)) continue;
      const found = this.#extend([...path, issuer], more);
      if (found !== undefined) return found;
      if (this.#refusal?.code === 'ERR_PATH_LIMIT') return undefined;
    }
    return undefined;
  }

  #isSignedBy(child: Certificate, issuer: Certificate, depth: number): boolean {
    const key = `${child.fingerprintHex}${issuer.keyHash}`;
    const known = this.#signatures.get(key);
    this.#stepsLeft -= 1;
    if (this.#stepsLeft < 0 || (known === undefined && this.#signatures.size >= SIGNATURE_CHECKS_MAX)) {
      this.#refusal = refusal('ERR_PATH_LIMIT', `${describe(child)}: too many possible issuers`, depth);
      return false;
    }
    if (known !== undefined) return known;
    const holds = this.#input.checkSignature(child.signatureAlgorithm, issuer.spki, child.tbs, child.signature);
    this.#signatures.set(key, holds);
    if (!holds)
      this.#buildRefusal ??= refusal(
        'ERR_PATH_SIGNATURE',
        `the signature of ${describe(child)} is not that of ${describe(issuer)}`,
        depth,
      );
    return holds;
  }
}

/** Certificates whose subject is the child's issuer; those with the key identifier that the child names first. */
function issuersOf(child: Certificate, candidates: readonly Certificate[]): Certificate[] {
  const wanted = child.extensions.authorityKeyIdentifier?.keyId;
  const named = candidates.filter((candidate) => isSameName(candidate.subject, child.issuer));
  if (wanted === undefined || named.length < 2) return named;
  const isHinted = (candidate: Certificate) => candidate.extensions.subjectKeyIdentifier === wanted;
  return [...named.filter(isHinted), ...named.filter((candidate) => !isHinted(candidate))];
}
