import { MeshError, quoted } from '../../../base/errors.ts';
import type { UnixMs } from '../../../base/time.ts';
import type { SerialHex } from '../certificate/certificate.ts';

/** Reason codes by number (RFC 5280 section 5.3.1). 7 is not used; 8, removeFromCRL, exists in delta CRLs only. */
const REASONS = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  undefined,
  undefined,
  'privilegeWithdrawn',
  'aACompromise',
] as const;

export type RevocationReason = Exclude<(typeof REASONS)[number], undefined>;

/** All of them, in the order of their numbers. */
export const REVOCATION_REASONS: readonly RevocationReason[] = REASONS.filter((reason) => reason !== undefined);

export interface Revocation {
  readonly serial: SerialHex;
  readonly revokedAt: UnixMs;
  readonly reason: RevocationReason;
}

/** `undefined` for a number without a reason (RFC 5280 section 5.3.1). */
export function reasonOfNumber(number: number): RevocationReason | undefined {
  return REASONS[number];
}

/** As in a CRL (RFC 5280 section 5.3.1). */
export function numberOfReason(reason: RevocationReason): number {
  return REASONS.indexOf(reason);
}

/** @throws ERR_INPUT */
export function parseRevocationReason(text: string): RevocationReason {
  const found = REASONS.find((reason) => reason === text);
  if (found === undefined)
    throw new MeshError('ERR_INPUT', `revocation reason ${quoted(text)} is none of ${REVOCATION_REASONS.join(', ')}`);
  return found;
}

/**
 * True when a signature made at `signedAt` is void. A revocation counts whatever a signature's own time says, because
 * who stole a key also sets its clock; except for the two reasons that say the key was sound until then.
 */
export function isVoidedBy({ reason, revokedAt }: Pick<Revocation, 'reason' | 'revokedAt'>, signedAt: UnixMs): boolean {
  return !doesSpareEarlier(reason) || signedAt >= revokedAt;
}

/**
 * True where `one` voids more than `other`: it voids what was signed before it too, or, where neither does, it is the
 * earlier one. What a later list says of a serial never takes back what an earlier one said.
 */
export function isStricter(
  one: Pick<Revocation, 'reason' | 'revokedAt'>,
  other: Pick<Revocation, 'reason' | 'revokedAt'>,
): boolean {
  if (doesSpareEarlier(one.reason)) return doesSpareEarlier(other.reason) && one.revokedAt < other.revokedAt;
  return doesSpareEarlier(other.reason);
}

/** The two reasons that say the key was sound until then. */
function doesSpareEarlier(reason: RevocationReason): boolean {
  return reason === 'superseded' || reason === 'cessationOfOperation';
}
