import type { Certificate } from '../certificate/certificate.ts';
import { ALL_REASONS, type PlaceName } from '../certificate/distribution-points.ts';
import { type DistinguishedName, nameKey, shortKey } from '../name/distinguished-name.ts';
import type { GeneralName } from '../name/general-name.ts';

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
