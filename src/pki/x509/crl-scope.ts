import { bytesEqual } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { contextTag, type DerReader } from '../../codec/der-reader.ts';
import type { Certificate } from './certificate.ts';
import { readPointNames } from './distribution-points.ts';
import { isSameName } from './distinguished-name.ts';
import type { GeneralName } from './general-name.ts';

/** Reasons as bits of `ReasonFlags` (RFC 5280 section 4.2.1.13): all that there are. */
export const ALL_REASONS = 0b1_1111_1110;

/** Which certificates of its issuer a CRL speaks of (RFC 5280 section 5.2.5). */
export interface CrlScope {
  /** Names of the distribution point that it is published for; `undefined` for all of them. */
  readonly names: readonly GeneralName[] | undefined;
  readonly only: 'users' | 'authorities' | 'attributes' | undefined;
  /** Bits of {@link ALL_REASONS}. */
  readonly reasons: number;
}

/** @throws ERR_CRL and ERR_DER for an empty or contradictory one, and for that of an indirect CRL. */
export function readCrlScope(reader: DerReader): CrlScope {
  const body = reader.sequence();
  if (body.isAtEnd) throw new MeshError('ERR_CRL', 'issuing distribution point is empty');
  const point = body.optionalContext(0);
  const names = point === undefined ? undefined : readPointNames(point);
  if (point !== undefined && names === undefined)
    throw new MeshError(
      'ERR_CRL',
      'issuing distribution point is named relative to the issuer, which is not read here',
    );
  const flag = (n: number): boolean => body.defaultFalse(contextTag(n, 'primitive'));
  const forUsers = flag(1);
  const forAuthorities = flag(2);
  const reasonsTag = contextTag(3, 'primitive');
  const reasons = body.peek() === reasonsTag ? body.namedBits(reasonsTag) & ALL_REASONS : ALL_REASONS;
  if (flag(4)) throw new MeshError('ERR_CRL', 'indirect CRL: one issuer speaks for itself here');
  const forAttributes = flag(5);
  body.end();
  if (Number(forUsers) + Number(forAuthorities) + Number(forAttributes) > 1)
    throw new MeshError('ERR_CRL', 'issuing distribution point is for one kind of certificate only, and for another');
  const only = forUsers ? 'users' : forAuthorities ? 'authorities' : forAttributes ? 'attributes' : undefined;
  return { names, only, reasons };
}

/**
 * The reasons for which the CRL tells whether this certificate is revoked (RFC 5280 section 6.3.3 b, d); 0 where it says
 * nothing of it. `undefined` is a CRL of everything.
 */
export function reasonsTold(scope: CrlScope | undefined, certificate: Certificate): number {
  if (scope === undefined) return ALL_REASONS;
  const { names, only, reasons } = scope;
  if (only === 'attributes' || (only === 'users' && certificate.isCa) || (only === 'authorities' && !certificate.isCa))
    return 0;
  if (names === undefined) return reasons;
  // 6.3.3: what names no point is found under the name of its issuer.
  const own = { names: [{ tag: 'directory', name: certificate.issuer } as const], reasons: undefined };
  return [own, ...(certificate.extensions.crlDistributionPoints ?? [])]
    .filter((point) => point.names?.some((name) => names.some((other) => isSameGeneralName(name, other))) === true)
    .reduce((told, point) => told | (reasons & (point.reasons ?? ALL_REASONS)), 0);
}

function isSameGeneralName(a: GeneralName, b: GeneralName): boolean {
  if (a.tag === 'directory' && b.tag === 'directory') return isSameName(a.name, b.name);
  if (a.tag === 'ip' && b.tag === 'ip') return bytesEqual(a.octets, b.octets);
  return 'value' in a && 'value' in b && a.tag === b.tag && a.tag !== 'other' && a.value === b.value;
}

/** Equal for CRLs of the same scope: the newer takes the place of the older. */
export function scopeKeyOf(scope: CrlScope | undefined): string {
  if (scope === undefined) return '';
  const names = scope.names?.map((name) => {
    if (name.tag === 'directory') return [name.tag, name.name.canonical];
    return name.tag === 'ip' ? [name.tag, name.octets.toHex()] : [name.tag, 'value' in name ? name.value : ''];
  });
  return JSON.stringify([scope.only, scope.reasons, names]);
}
