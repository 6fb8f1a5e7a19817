import type { DerReader } from '../../../codec/der-reader.ts';
import { contextTag } from '../../../codec/der-tag.ts';
import { readRelativeName } from '../name/distinguished-name.ts';
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
