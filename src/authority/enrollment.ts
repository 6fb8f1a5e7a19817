import { isMeshError, type MeshError } from '../base/errors.ts';
import type { Instant, UnixMs } from '../base/time.ts';
import { type NodeId, parseNodeId } from '../identity/node-id.ts';
import { parseCsr } from '../pki/csr.ts';
import type { CertificateRow } from '../ports/authority/certificates.ts';
import type { AuthorityTransaction } from '../ports/authority-store.ts';
import { appendAudit } from './audit-trail.ts';
import type { AuthorityCore } from './core.ts';
import { revokeDelegatesOf } from './delegates.ts';
import {
  type Applicant,
  applicantOf,
  type EnrollmentJudgement,
  type EnrollmentRefusal,
  isRebound,
  judgeEnrollment,
  refused,
  ticketRefused,
} from './enrollment-judgement.ts';
import { judgeEvidence } from './evidence.ts';
import { issueNodeCertificate, noteIssued } from './issuance.ts';
import { revokeInPlace } from './revocation.ts';
import { findTicket, ticketIdOf, tokenHashOf } from './tickets.ts';

/** What a stranger sends to become a node (contract.md, `POST /v1/enroll`). */
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

/**
 * Makes a node of a key. Steps in order of cost; nothing is changed before all of them have passed:
 * the token by itself (T16: strangers do not reach the parser), evidence, the request and its proof of possession,
 * then ticket, name, key and policy together. The certificate is signed outside the store, so the last step is judged
 * again before it is kept.
 *
 * The same token with the same key gives the same certificate again, also after the ticket is spent or expired: an
 * answer may get lost, and a node may be killed before it has stored it.
 */
export async function enroll(core: AuthorityCore, request: EnrollmentRequest): Promise<Enrollment> {
  const start = core.clock.now();
  const tokenHash = tokenHashOf(request.token);
  const first = await core.store.transact((tx) => receive(tx, core, request, tokenHash, start.wall));
  if (first.tag === 'refused') return refuse(core, start, request, first);
  if (first.tag === 'again') return repeat(first.certificate);

  const { applicant, nodeId, ticket } = first;
  const issued = await issueNodeCertificate(core, applicant, nodeId, ticket);
  const last = await core.store.transact(async (tx): Promise<EnrollmentJudgement> => {
    // What may have changed meanwhile: the ticket may be spent or cancelled, the name taken, the key revoked.
    const now = core.clock.wall();
    const finding = await findTicket(tx, tokenHash, core.epoch, now);
    const second = await judgeEnrollment(tx, core, applicant, finding, now);
    if (second.tag === 'issue') await keepEnrollment(tx, core, second, issued, request.from);
    return second;
  });
  if (last.tag === 'refused') return refuse(core, start, request, last);
  if (last.tag === 'again') return repeat(last.certificate);
  if (isRebound(last.node, applicant.spkiHash)) await core.crls.publishNow();
  return { nodeId, certificate: issued };
}

/** The first look at a request. What is wrong with it is said only to who shows a ticket that is worth something. */
async function receive(
  tx: AuthorityTransaction,
  core: AuthorityCore,
  { nodeId, csr, attestation }: EnrollmentRequest,
  tokenHash: string | undefined,
  now: UnixMs,
): Promise<EnrollmentJudgement> {
  const finding = await findTicket(tx, tokenHash, core.epoch, now);
  if (finding.tag === 'refused') return ticketRefused(finding.reason, finding.row);
  // To others than the key that has redeemed it, a ticket that is used up is like one that never was (T7).
  const refuseFor = (error: MeshError, reason: string): EnrollmentRefusal =>
    finding.tag === 'again' ? ticketRefused(finding.reason, finding.row) : refused(error, reason, finding.row);
  const evidence = judgeEvidence(attestation);
  if (evidence !== undefined) return refuseFor(evidence, 'attestation');
  let applicant: Applicant;
  try {
    // No slow work: it only computes, and nobody could do anything else meanwhile.
    applicant = applicantOf(parseCsr(csr).spki, nodeId);
  } catch (error) {
    if (!isMeshError(error)) throw error;
    return refuseFor(error, error.code);
  }
  return judgeEnrollment(tx, core, applicant, finding, now);
}

/** All that an enrolment changes, in one step. */
async function keepEnrollment(
  tx: AuthorityTransaction,
  core: AuthorityCore,
  { ticket, node, nodeId }: Extract<EnrollmentJudgement, { tag: 'issue' }>,
  issued: CertificateRow,
  from: string,
): Promise<void> {
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
}

function repeat(certificate: CertificateRow): Enrollment {
  return { nodeId: parseNodeId(certificate.subject), certificate };
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
