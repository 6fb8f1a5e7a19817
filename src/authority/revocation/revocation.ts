import { MeshError, quoted } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { parseSerial } from '../../pki/x509/certificate/certificate.ts';
import {
  isStricter,
  parseRevocationReason,
  REVOCATION_REASONS,
  type Revocation,
  type RevocationReason,
} from '../../pki/x509/crl/revocation-reason.ts';
import type { CertificateRow } from '../../ports/authority/certificates.ts';
import type { AuthorityTransaction } from '../../ports/authority-store.ts';
import { appendAudit } from '../audit-trail.ts';
import type { AuthorityCore } from '../core.ts';
import { REVOCATION_KEPT_MS } from './crl-book.ts';
import { revokeDelegatesOf } from '../delegates/delegates.ts';

/** A node with everything it has, or one certificate. */
export type RevocationTarget =
  | { readonly tag: 'node'; readonly nodeId: string }
  /** Hex as people write it. */
  | { readonly tag: 'serial'; readonly serial: string }
  /** Everything that was issued for a key: hex of the SHA-256 of its SubjectPublicKeyInfo. */
  | { readonly tag: 'key'; readonly spkiHash: string };

export interface RevocationOutcome {
  readonly nodeId: string;
  /** All serials of the target that stand on the list now. */
  readonly serials: readonly string[];
  readonly crlNumber: number;
}

/**
 * Revokes, and answers when the list that says so is published. Again is not an error and changes nothing, unless the
 * reason is stricter: who was `superseded` and turns out to be stolen is revoked for all that it ever signed.
 *
 * A revocation is for good. By node id it takes all certificates of the node that are not yet forgotten, and its key
 * never enrols again.
 *
 * @throws ERR_REVOKE_UNKNOWN where nothing is known by that name, or it ended so long ago that no mail can need it.
 */
export async function revoke(
  core: AuthorityCore,
  target: RevocationTarget,
  reason: RevocationReason,
  actor: string,
): Promise<RevocationOutcome> {
  const at = core.clock.wall();
  const { subject, rows, fresh, delegates } = await core.store.transact(async (tx) => {
    const found = await findTarget(tx, target, at);
    const fresh = await revokeInPlace(tx, at, found.rows, reason);
    const node = target.tag === 'node' ? await tx.findNode(found.subject) : undefined;
    if (node !== undefined && node.revokedAt === undefined) await tx.putNode({ ...node, revokedAt: at });
    if (fresh.length > 0 || (node !== undefined && node.revokedAt === undefined))
      await appendAudit(tx, {
        at,
        actor,
        action: 'revoked',
        subject: found.subject,
        detail: { reason, serials: fresh.map((row) => row.serial).join(' ') },
      });
    const endsDelegates = target.tag === 'node' || (await isOut(tx, found.subject, at));
    const delegates = endsDelegates ? await revokeDelegatesOf(tx, found.subject, at) : [];
    return { ...found, fresh, delegates };
  });
  const serials = rows.map((row) => row.serial);
  const isCovered = fresh.length === 0 && core.crls.covers([...serials, ...delegates], { revokedAt: at, reason });
  const crl = isCovered ? core.crls.current : await core.crls.publishNow();
  return { nodeId: subject, serials, crlNumber: crl.number };
}

/** Marks those of the certificates that are not revoked yet, or less strictly than by this reason. @returns them. */
export async function revokeInPlace(
  tx: AuthorityTransaction,
  at: UnixMs,
  rows: readonly CertificateRow[],
  reason: RevocationReason,
): Promise<readonly CertificateRow[]> {
  const fresh = rows.filter((row) => isKept(row, at) && !isRevokedAsStrictly(row, { revokedAt: at, reason }));
  for (const row of fresh) await tx.revokeCertificate(row.serial, at, reason);
  return fresh;
}

/** Whether a node has no certificate left that counts: verifiers that saw them believe its delegates no more. */
async function isOut(tx: AuthorityTransaction, nodeId: string, at: UnixMs): Promise<boolean> {
  const rows = (await tx.certificatesOf('node', nodeId)).filter((row) => isKept(row, at));
  return rows.length > 0 && rows.every(({ revokedAt }) => revokedAt !== undefined);
}

function isRevokedAsStrictly(
  { revokedAt, revokedReason = 'unspecified' }: CertificateRow,
  now: Pick<Revocation, 'revokedAt' | 'reason'>,
): boolean {
  return revokedAt !== undefined && !isStricter(now, { revokedAt, reason: parseRevocationReason(revokedReason) });
}

async function findTarget(
  tx: AuthorityTransaction,
  target: RevocationTarget,
  at: UnixMs,
): Promise<{ subject: string; rows: readonly CertificateRow[] }> {
  if (target.tag === 'serial') {
    const serial = parseSerial(target.serial);
    const row = await tx.findCertificate(serial);
    if (row === undefined || !isKept(row, at)) throw unknown(`certificate with serial ${serial}`);
    return { subject: row.subject, rows: [row] };
  }
  if (target.tag === 'key') {
    const spkiHash = parseSpkiHash(target.spkiHash);
    const rows = (await tx.certificatesOfKey(spkiHash)).filter((row) => isKept(row, at));
    const [newest] = rows;
    if (newest === undefined) throw unknown(`key ${quoted(target.spkiHash)}`);
    return { subject: newest.subject, rows };
  }
  const rows = (await tx.certificatesOf('node', target.nodeId)).filter((row) => isKept(row, at));
  if (rows.length === 0) throw unknown(`node ${quoted(target.nodeId)}`);
  return { subject: target.nodeId, rows };
}

/** The SHA-256 of a SubjectPublicKeyInfo as people write it (any case, colons) in the form that is compared. @throws ERR_INPUT */
export function parseSpkiHash(text: string): string {
  const digits = text.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) throw new MeshError('ERR_INPUT', 'hash of the key is not 32 octets of hex');
  return digits;
}

function isKept(row: CertificateRow, at: UnixMs): boolean {
  return row.notAfter + REVOCATION_KEPT_MS >= at;
}

function unknown(what: string): MeshError {
  return new MeshError(
    'ERR_REVOKE_UNKNOWN',
    `${what} is not known here, or ended so long ago that nothing needs it`,
    'see: chainmail nodes --dir DIR',
  );
}

/**
 * An operator's reason: a word of RFC 5280 in any spelling (`keyCompromise`, `key-compromise`); none is `unspecified`.
 * @throws ERR_INPUT for any other word, since a misspelt reason would void less than was meant; and for
 *   `certificateHold` and `removeFromCRL`: a revocation is for good.
 */
export function readReason(text: string | undefined): RevocationReason {
  if (text === undefined || text === '') return 'unspecified';
  const plain = plainWord(text);
  if (plain === 'certificatehold' || plain === 'removefromcrl')
    throw new MeshError('ERR_INPUT', `reason ${quoted(text)}: a revocation here is for good`, REASON_HINT);
  const reason = OPERATOR_REASONS.find((candidate) => plainWord(candidate) === plain);
  if (reason === undefined) throw new MeshError('ERR_INPUT', `reason ${quoted(text)} is none of RFC 5280`, REASON_HINT);
  return reason;
}

const OPERATOR_REASONS = REVOCATION_REASONS.filter((reason) => reason !== 'certificateHold');

const REASON_HINT = `use one of ${OPERATOR_REASONS.join(', ')}; key-compromise is read like keyCompromise`;

function plainWord(text: string): string {
  return text.toLowerCase().replace(/[-_ ]/g, '');
}
