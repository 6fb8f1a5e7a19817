import { isMeshError, type MeshError } from '../../base/errors.ts';
import type { Instant } from '../../base/time.ts';
import { isSyncSigner } from '../../crypto/keys/signer.ts';
import { type NodeId, parseNodeId } from '../../identity/node-id.ts';
import { parseCsr } from '../../pki/x509/certificate/csr.ts';
import type { CertificateRow } from '../../ports/authority/certificates.ts';
import type { AuthorityTransaction } from '../../ports/authority-store.ts';
import { appendAudit } from '../audit-trail.ts';
import type { AuthorityCore } from '../core.ts';
import { revokeDelegatesOf } from '../delegates/delegates.ts';
import {
  type Applicant,
  applicantOf,
  type EnrollmentJudgement,
  type EnrollmentRefusal,
  isRebound,
  judgeEnrollment,
  refused,
  ticketRefused,
} from './judgement.ts';
import { judgeEvidence } from './evidence.ts';
import { issueNodeCertificate, noteIssued } from './issuance.ts';
import { revokeInPlace } from '../revocation/revocation.ts';
import { findTicket, type TicketFinding, ticketIdOf, tokenHashOf } from './ticket.ts';

/** What a stranger sends to become a node (`POST /v1/enroll`, spec 06 section 2). */
export interface EnrollmentRequest {
  readonly token: string;
  /** PKCS#10, PEM or base64 DER. */
  readonly csr: string;
  readonly nodeId: string | undefined;
  readonly attestation: { readonly type: string } | undefined;
  /** Where the request came from, for the audit log. */
  readonly from: string;
}

export interface Enrollment {
  readonly nodeId: NodeId;
  readonly certificate: CertificateRow;
}

/** What became of a request. */
type Outcome =
  | EnrollmentJudgement
  | {
      readonly tag: 'kept';
      readonly nodeId: NodeId;
      readonly certificate: CertificateRow;
      readonly isRebound: boolean;
    }
  /** Not the store's failure, though it came up inside a piece of work: the clock jumped, the issuer has expired. */
  | { readonly tag: 'unsigned'; readonly error: unknown };

/**
 * Makes a node of a key. Steps in order of cost; nothing is changed before all of them have passed:
 * the token by itself (T16: strangers do not reach the parser), evidence, the request and its proof of possession,
 * then ticket, name, key and policy together. A key in memory signs in the same piece of work; where the key is slow, the
 * certificate is signed outside the store, and judged again before it is kept.
 *
 * The token has a look of its own, outside of which the request is read: those of a fleet that came together are then
 * checked one after the other, which takes a tenth less than to check each between two visits to the store.
 *
 * The same token with the same key gives the same certificate again, also after the ticket is spent or expired: an
 * answer may get lost, and a node may be killed before it has stored it.
 */
export async function enroll(core: AuthorityCore, request: EnrollmentRequest): Promise<Enrollment> {
  const start = core.clock.now();
  const tokenHash = tokenHashOf(request.token);
  const finding = await core.store.transact((tx) => findTicket(tx, tokenHash, core.epoch, start.wall));
  const read = readRequest(request, finding);
  const last = read.tag === 'refused' ? read : await settle(core, request.from, tokenHash, read.applicant);
  switch (last.tag) {
    case 'refused':
      return refuse(core, start, request, last);
    case 'unsigned':
      throw last.error;
    case 'kept':
      if (last.isRebound) await core.crls.publishNow();
      return { nodeId: last.nodeId, certificate: last.certificate };
    case 'again':
      return { nodeId: parseNodeId(last.certificate.subject), certificate: last.certificate };
  }
}

/** What is wrong with a request by itself is said only to who shows a ticket that is worth something. */
function readRequest(
  { nodeId, csr, attestation }: EnrollmentRequest,
  finding: TicketFinding,
): EnrollmentRefusal | { readonly tag: 'read'; readonly applicant: Applicant } {
  if (finding.tag === 'refused') return ticketRefused(finding.reason, finding.row);
  // To others than the key that has redeemed it, a ticket that is used up is like one that never was (T7).
  const refuseFor = (error: MeshError, reason: string): EnrollmentRefusal =>
    finding.tag === 'again' ? ticketRefused(finding.reason, finding.row) : refused(error, reason, finding.row);
  const evidence = judgeEvidence(attestation);
  if (evidence !== undefined) return refuseFor(evidence, 'attestation');
  try {
    return { tag: 'read', applicant: applicantOf(parseCsr(csr).spki, nodeId) };
  } catch (error) {
    if (!isMeshError(error)) throw error;
    return refuseFor(error, error.code);
  }
}

type Granted = Extract<EnrollmentJudgement, { tag: 'issue' }>;
type Settled = Exclude<Outcome, Granted>;

async function settle(
  core: AuthorityCore,
  from: string,
  tokenHash: string | undefined,
  applicant: Applicant,
): Promise<Settled> {
  const isQuick = isSyncSigner(core.issuer.signer);
  const first = await core.store.transact(async (tx): Promise<Outcome> => {
    const judged = await judgeNow(tx, core, tokenHash, applicant);
    return judged.tag === 'issue' && isQuick ? signAndKeep(tx, core, judged, from) : judged;
  });
  return first.tag === 'issue' ? signAndJudgeAgain(core, from, tokenHash, first) : first;
}

/** What may have changed since the last look: the ticket may be spent or cancelled, the name taken, the key revoked. */
async function judgeNow(
  tx: AuthorityTransaction,
  core: AuthorityCore,
  tokenHash: string | undefined,
  applicant: Applicant,
): Promise<EnrollmentJudgement> {
  const now = core.clock.wall();
  return judgeEnrollment(tx, core, applicant, await findTicket(tx, tokenHash, core.epoch, now), now);
}

async function signAndKeep(
  tx: AuthorityTransaction,
  core: AuthorityCore,
  granted: Granted,
  from: string,
): Promise<Settled> {
  let issued: CertificateRow;
  try {
    issued = await issueNodeCertificate(core, granted.applicant, granted.nodeId, granted.ticket);
  } catch (error) {
    return { tag: 'unsigned', error };
  }
  return keepEnrollment(tx, core, granted, issued, from);
}

async function signAndJudgeAgain(
  core: AuthorityCore,
  from: string,
  tokenHash: string | undefined,
  { applicant, nodeId, ticket }: Granted,
): Promise<Settled> {
  const issued = await issueNodeCertificate(core, applicant, nodeId, ticket);
  return core.store.transact(async (tx): Promise<Settled> => {
    const second = await judgeNow(tx, core, tokenHash, applicant);
    return second.tag === 'issue' ? keepEnrollment(tx, core, second, issued, from) : second;
  });
}

/** All that an enrolment changes, in one step. */
async function keepEnrollment(
  tx: AuthorityTransaction,
  core: AuthorityCore,
  { ticket, node, nodeId }: Granted,
  issued: CertificateRow,
  from: string,
): Promise<Settled> {
  const at = core.clock.wall();
  const { spkiHash } = issued;
  const rebound = isRebound(node, spkiHash);
  if (rebound) {
    await revokeInPlace(tx, at, await tx.certificatesOf('node', nodeId), 'superseded');
    // Whoever held the name before chose these devices. Once the new holder is seen, the name is no revoked one any more.
    await revokeDelegatesOf(tx, nodeId, at);
  }
  await tx.putTicket({ ...ticket, usesSpent: ticket.usesSpent + 1 });
  if (node === undefined || rebound)
    await tx.putNode({ nodeId, identitySpkiHash: spkiHash, boundAt: at, revokedAt: undefined });
  await noteIssued(tx, core, issued);
  await appendAudit(tx, {
    at,
    actor: `network ${from}`,
    action: 'enrolled',
    subject: nodeId,
    detail: {
      ticket: ticketIdOf(ticket),
      serial: issued.serial,
      rebound: rebound ? 'true' : undefined,
    },
  });
  return { tag: 'kept', nodeId, certificate: issued, isRebound: rebound };
}

/** Writes the true reason down, then gives the caller the one that it may know. */
async function refuse(
  core: AuthorityCore,
  now: Instant,
  { from }: EnrollmentRequest,
  { error, reason, ticketId, isAlarm }: EnrollmentRefusal,
): Promise<never> {
  await core.refusals.note(now.mono, {
    at: now.wall,
    actor: `network ${from}`,
    action: isAlarm ? 'ticket-alarm' : 'enrolment-refused',
    subject: ticketId,
    detail: { reason },
  });
  throw error;
}
