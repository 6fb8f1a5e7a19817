import { contextTag, type DerReader, TAG } from '../../codec/der-reader.ts';
import { readList, refuse } from './extension-parts.ts';
import { type GeneralName, readGeneralNames } from './general-name.ts';

/** Where a CRL of the issuer can be had, and for which reasons (RFC 5280 section 4.2.1.13). */
export interface DistributionPoint {
  /** Full names; none for a point that another issuer's CRLs serve, or that is named relative to the issuer. */
  readonly names: readonly GeneralName[] | undefined;
  /** Bits of `ReasonFlags`; `undefined` for all. */
  readonly reasons: number | undefined;
}

/** `CRLDistributionPoints`. A node fetches nothing from there; a CRL may say for which of them it is. */
export function readDistributionPoints(reader: DerReader): readonly DistributionPoint[] {
  return readList(reader.sequence(), (list) => {
    const point = list.sequence();
    const place = point.optionalContext(0);
    const names = place === undefined ? undefined : readPointNames(place);
    const reasonsTag = contextTag(1, 'primitive');
    const reasons = point.peek() === reasonsTag ? point.namedBits(reasonsTag) : undefined;
    const issuer = point.optionalContext(2);
    if (issuer !== undefined) readGeneralNames(issuer);
    point.end();
    if (place === undefined && issuer === undefined) refuse('CRL distribution point names neither place nor issuer');
    return { names: issuer === undefined ? names : undefined, reasons };
  });
}

/** `DistributionPointName`: its full names, or `undefined` for one RDN below the issuer. */
export function readPointNames(place: DerReader): readonly GeneralName[] | undefined {
  const fullName = contextTag(0, 'constructed');
  let names: readonly GeneralName[] | undefined;
  if (place.peek() === fullName) names = readGeneralNames(place.nested(fullName));
  else {
    const rdn = place.nested(contextTag(1, 'constructed'));
    readList(rdn, (attributes) => {
      const attribute = attributes.nested(TAG.sequence);
      attribute.oid();
      attribute.raw();
      attribute.end();
    });
  }
  place.end();
  return names;
}
