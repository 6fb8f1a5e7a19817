import type { Certificate } from '../x509/certificate/certificate.ts';
import type { NameConstraints } from '../x509/certificate/extensions.ts';
import { judgeConformance } from './certificate-rules.ts';
import {
  constrainedNamesOf,
  NAME_COMPARISONS_MAX,
  type ReadConstraints,
  type ReadName,
  readConstraints,
  readNameForm,
} from './name-constraints.ts';
import type { PathRefusal } from './path-result.ts';

/**
 * Candidates for an issuer, names, policies, purposes and other elements of certificates that one validation looks at, over
 * all paths: 1,000,000 × some half a microsecond. A path of a mesh has thirty; a thousand paths through certificates of
 * thousands of names would otherwise take a quarter of a minute.
 */
export const PATH_ELEMENTS_MAX = 1_000_000;

/**
 * What one validation keeps over all paths that it tries: what can be told of a certificate by itself is told once, however
 * long its names are, and comparisons are counted. A certificate may be half a megabyte, and stand in a thousand paths.
 */
export class PathWork {
  comparisonsLeft = NAME_COMPARISONS_MAX;
  #elementsLeft = PATH_ELEMENTS_MAX;
  readonly #names = new Map<Certificate, readonly ReadName[]>();
  readonly #alternatives = new Map<Certificate, readonly ReadName[]>();
  readonly #constraints = new Map<NameConstraints, ReadConstraints>();
  readonly #conformance = {
    anchors: new Map<Certificate, PathRefusal | undefined>(),
    others: new Map<Certificate, PathRefusal | undefined>(),
  };

  /** Whether so many elements more are within {@link PATH_ELEMENTS_MAX}. */
  mayLookAt(elements: number): boolean {
    this.#elementsLeft -= elements;
    return this.#elementsLeft >= 0;
  }

  /** Names of a certificate that name constraints are for. */
  namesOf(certificate: Certificate): readonly ReadName[] {
    return once(this.#names, certificate, () => [...constrainedNamesOf(certificate)].map(readNameForm));
  }

  alternativeNamesOf(certificate: Certificate): readonly ReadName[] {
    return once(this.#alternatives, certificate, () => (certificate.extensions.subjectAltName ?? []).map(readNameForm));
  }

  constraintsOf(constraints: NameConstraints): ReadConstraints {
    return once(this.#constraints, constraints, () => readConstraints(constraints));
  }

  /** As {@link judgeConformance}. */
  conformanceOf(certificate: Certificate, isAnchor: boolean, depth: number): PathRefusal | undefined {
    const known = isAnchor ? this.#conformance.anchors : this.#conformance.others;
    const broken = once(known, certificate, () => judgeConformance(certificate, isAnchor, depth));
    return broken === undefined ? undefined : { ...broken, depth };
  }
}

function once<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  if (!known.has(key)) known.set(key, make());
  return known.get(key) as V;
}
