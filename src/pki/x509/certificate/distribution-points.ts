import type { DerReader } from '../../../codec/der-reader.ts';
import { contextTag } from '../../../codec/der-tag.ts';
import type { Certificate } from './certificate.ts';
import { type DistinguishedName, nameKey, readRelativeName, shortKey } from '../name/distinguished-name.ts';
import { readList, refuse } from './extension-parts.ts';
import { type GeneralName, readGeneralNames } from '../name/general-name.ts';

/** Reasons as bits of `ReasonFlags` (RFC 5280 section 4.2.1.13): all that there are. */
export const ALL_REASONS = 0b1_1111_1110;

/** `DistributionPointName`: full names, or what stands below the name of whoever signs the CRL. */
export type PlaceName =
  | { readonly tag: 'full'; readonly names: readonly GeneralName[] }
  | { readonly tag: 'relative'; readonly rdn: string };

/** Where a CRL that tells of the certificate can be had, and for which reasons (RFC 5280 section 4.2.1.13). */
export interface DistributionPoint {
  readonly place: PlaceName | undefined;
  /** Bits of `ReasonFlags`; `undefined` for all. */
  readonly reasons: number | undefined;
  /** `cRLIssuer`: names of who signs the CRL, where that is not who issued the certificate. */
  readonly issuers: readonly GeneralName[] | undefined;
}

/** `CRLDistributionPoints`. A node fetches nothing from there; a CRL may say for which of them it is. */
export function readDistributionPoints(reader: DerReader): readonly DistributionPoint[] {
  return readList(reader.sequence(), (list) => {
    const point = list.sequence();
    const explicit = point.optionalContext(0);
    const place = explicit === undefined ? undefined : readPlaceName(explicit);
    const reasonsTag = contextTag(1, 'primitive');
    const reasons = point.peek() === reasonsTag ? point.namedBits(reasonsTag) : undefined;
    const issuer = point.optionalContext(2);
    const issuers = issuer === undefined ? undefined : readGeneralNames(issuer);
    point.end();
    if (place === undefined && issuers === undefined) refuse('CRL distribution point names neither place nor issuer');
    return { place, reasons, issuers };
  });
}

export function readPlaceName(explicit: DerReader): PlaceName {
  const fullName = contextTag(0, 'constructed');
  const place: PlaceName =
    explicit.peek() === fullName
      ? { tag: 'full', names: readGeneralNames(explicit.nested(fullName)) }
      : { tag: 'relative', rdn: readRelativeName(explicit.nested(contextTag(1, 'constructed'))) };
  explicit.end();
  return place;
}

/** The names of a place, each as a text that equal names share. Names of forms that no CRL is found by have none. */
export function placeKeys(place: PlaceName, crlIssuer: Pick<DistinguishedName, 'canonical'>): readonly string[] {
  return place.tag === 'relative'
    ? [directoryKey({ canonical: [...crlIssuer.canonical, place.rdn] })]
    : place.names.map(keyOf).filter((key) => key !== undefined);
}

/** A distribution point as CRLs are held against it. */
export interface PointView {
  /** {@link nameKey} of each whose CRLs it stands for. */
  readonly issuers: ReadonlySet<string>;
  /** Whether these are others than the issuer of the certificate: then their CRL must be an indirect one. */
  readonly isForeign: boolean;
  /** As {@link placeKeys} has them. */
  readonly names: ReadonlySet<string>;
  readonly reasons: number;
}

/**
 * The distribution points of a certificate (RFC 5280 section 6.3.3): those that it names, and behind them the one that every
 * certificate has, under the name of its issuer.
 */
export function pointsOf({ issuer, extensions }: Certificate): readonly PointView[] {
  const own = new Set([nameKey(issuer)]);
  const named = (extensions.crlDistributionPoints ?? []).map(({ place, reasons = ALL_REASONS, issuers }): PointView => {
    if (issuers === undefined) {
      const names = place === undefined ? [] : placeKeys(place, issuer);
      return { issuers: own, isForeign: false, names: new Set(names), reasons };
    }
    const foreign = issuers.flatMap((name) => (name.tag === 'directory' ? [name.name] : []));
    const [base] = foreign;
    // 4.2.1.13: a relative name is of one issuer; below several it would mean nothing.
    const isRelative = place?.tag === 'relative';
    const isNamed = place !== undefined && base !== undefined && !(isRelative && foreign.length > 1);
    const names = isNamed ? placeKeys(place, base) : place === undefined ? foreign.map(directoryKey) : [];
    return { issuers: new Set(foreign.map(nameKey)), isForeign: true, names: new Set(names), reasons };
  });
  return [...named, { issuers: own, isForeign: false, names: new Set([directoryKey(issuer)]), reasons: ALL_REASONS }];
}

function keyOf(name: GeneralName): string | undefined {
  if (name.tag === 'directory') return directoryKey(name.name);
  if (name.tag === 'ip') return `ip ${name.octets.toHex()}`;
  return name.tag === 'dns' || name.tag === 'email' || name.tag === 'uri'
    ? shortKey(`${name.tag} ${name.value}`)
    : undefined;
}

function directoryKey(name: Pick<DistinguishedName, 'canonical'>): string {
  return `directory ${nameKey(name)}`;
}
