import { MeshError } from '../../../base/errors.ts';
import type { DerReader } from '../../../codec/der-reader.ts';
import { contextTag } from '../../../codec/der-tag.ts';
import type { Certificate } from '../certificate/certificate.ts';
import { type DistinguishedName, shortKey } from '../name/distinguished-name.ts';
import { ALL_REASONS, readPlaceName } from '../certificate/distribution-points.ts';
import { placeKeys, type PointView } from './point-view.ts';

/** Which certificates a CRL speaks of (RFC 5280 section 5.2.5). */
export interface CrlScope {
  /** Names of the distribution point that it is published for, as {@link placeKeys} has them; `undefined` for all of them. */
  readonly names: readonly string[] | undefined;
  readonly only: 'users' | 'authorities' | 'attributes' | undefined;
  /** Bits of {@link ALL_REASONS}. */
  readonly reasons: number;
  /** Whether it may speak of certificates that others issued. */
  readonly isIndirect: boolean;
}

/**
 * @param issuer of the CRL.
 * @throws ERR_CRL and ERR_DER for an empty or contradictory one.
 */
export function readCrlScope(reader: DerReader, issuer: DistinguishedName): CrlScope {
  const body = reader.sequence();
  if (body.isAtEnd) throw new MeshError('ERR_CRL', 'issuing distribution point is empty');
  const explicit = body.optionalContext(0);
  const names = explicit === undefined ? undefined : placeKeys(readPlaceName(explicit), issuer);
  const flag = (n: number): boolean => body.defaultFalse(contextTag(n, 'primitive'));
  const forUsers = flag(1);
  const forAuthorities = flag(2);
  const reasonsTag = contextTag(3, 'primitive');
  const reasons = body.peek() === reasonsTag ? body.namedBits(reasonsTag) & ALL_REASONS : ALL_REASONS;
  const isIndirect = flag(4);
  const forAttributes = flag(5);
  body.end();
  if (Number(forUsers) + Number(forAuthorities) + Number(forAttributes) > 1)
    throw new MeshError('ERR_CRL', 'issuing distribution point is for one kind of certificate only, and for another');
  const only = forUsers ? 'users' : forAuthorities ? 'authorities' : forAttributes ? 'attributes' : undefined;
  return { names, only, reasons, isIndirect };
}

/**
 * The reasons for which a CRL tells whether this certificate is revoked (RFC 5280 section 6.3.3 b, d); 0 where it says
 * nothing of it. A CRL without a scope is one of everything.
 *
 * @param issuerKey of the CRL.
 * @param points of the certificate.
 */
export function reasonsTold(
  scope: CrlScope | undefined,
  issuerKey: string,
  { isCa }: Pick<Certificate, 'isCa'>,
  points: readonly PointView[],
): number {
  const { names, only, reasons = ALL_REASONS, isIndirect = false } = scope ?? {};
  if (only === 'attributes' || (only === 'users' && isCa) || (only === 'authorities' && !isCa)) return 0;
  return points
    .filter((point) => point.issuers.has(issuerKey) && (isIndirect || !point.isForeign))
    .filter((point) => names === undefined || names.some((name) => point.names.has(name)))
    .reduce((told, point) => told | (reasons & point.reasons), 0);
}

/** Equal for CRLs of one issuer and the same scope: the newer takes the place of the older. */
export function scopeKeyOf(scope: CrlScope | undefined): string {
  return scope === undefined
    ? ''
    : shortKey(JSON.stringify([scope.only, scope.reasons, scope.isIndirect, scope.names]));
}
