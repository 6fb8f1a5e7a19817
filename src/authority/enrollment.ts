import { MeshError, quoted } from '../base/errors.ts';
import type { Instant, UnixMs } from '../base/time.ts';
import { sha256 } from '../crypto/hash.ts';
import { type NodeId, nodeIdOfSpki, parseNodeId } from '../identity/node-id.ts';
import { parseRole } from '../identity/capability.ts';
import { type Csr, parseCsr } from '../pki/csr.ts';
import type { AuthorityTransaction, CertificateRow, NodeRow, TicketRow } from '../ports/authority-store.ts';
import { appendAudit } from './audit-trail.ts';
import type { AuthorityCore } from './core.ts';
import { revokeDelegatesOf } from './delegates.ts';
import { issueNodeCertificate, noteIssued } from './issuance.ts';
import { isAllowed } from './policy.ts';
import { revokeInPlace } from './revocation.ts';
import { findTicket, ticketIdOf } from './tickets.ts';

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

/** What is to be done for a key that shows a ticket. */
type EnrollmentJudgement =
  | { readonly tag: 'again'; readonly certificate: CertificateRow }
  | { readonly tag: 'issue'; readonly ticket: TicketRow; readonly nodeId: NodeId; readonly node: NodeRow | undefined }
  | {
      readonly tag: 'refused';
      readonly error: MeshError;
      readonly alarm: boolean;
      readonly reason: string;
      readonly ticketId: string;
    };

/** Evidence types that will be appraised one day; recognised, so that the refusal says which it is. */
const KNOWN_EVIDENCE: ReadonlySet<string> = new Set([
  'tpm_quote',
  'android_key',
  'apple_app_attest',
  'play_integrity',
  'app_token',
]);

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
  const finding = await core.store.transact((tx) => findTicket(tx, request.token, core.epoch, start.wall));
  if (finding.tag === 'refused') {
    const subject = finding.row === undefined ? '(none)' : ticketIdOf(finding.row);
    return refuse(core, start, request, ticketRefused(), finding.reason, subject, finding.reason === 'spent');
  }
  const ticketId = ticketIdOf(finding.row);
  // What is wrong with a request is said to who shows a ticket that is worth something, or shows the key that has
  // redeemed it; to others a ticket that is used up is like one that never was (T7).
  const refuseUsedUp =
    finding.tag === 'again'
      ? () => refuse(core, start, request, ticketRefused(), finding.reason, ticketId, finding.reason === 'spent')
      : undefined;
  const evidence = judgeEvidence(request.attestation);
  if (evidence !== undefined)
    return refuseUsedUp?.() ?? refuse(core, start, request, evidence, 'attestation', ticketId, false);
  let csr: Csr;
  try {
    csr = parseCsr(request.csr);
  } catch (error) {
    if (!(error instanceof MeshError)) throw error;
    return refuseUsedUp?.() ?? refuse(core, start, request, error, error.code, ticketId, false);
  }

  const spkiHash = sha256(csr.spki).toHex();
  const judge = (tx: AuthorityTransaction): Promise<EnrollmentJudgement> =>
    judgeEnrollment(tx, core, request, csr, spkiHash);
  const first = await core.store.transact(judge);
  if (first.tag === 'refused')
    return refuse(core, start, request, first.error, first.reason, first.ticketId, first.alarm);
  if (first.tag === 'again') return repeat(first.certificate);

  const issued = await issueNodeCertificate(core, {
    spki: csr.spki,
    spkiHash,
    nodeId: first.nodeId,
    roles: first.ticket.roles.map(parseRole),
  });
  const last = await core.store.transact(async (tx): Promise<EnrollmentJudgement> => {
    const second = await judge(tx);
    if (second.tag !== 'issue' || second.nodeId !== first.nodeId) return second;
    await keepEnrollment(tx, core, request, second, issued, spkiHash);
    return second;
  });
  if (last.tag === 'refused') return refuse(core, start, request, last.error, last.reason, last.ticketId, last.alarm);
  if (last.tag === 'again') return repeat(last.certificate);
  if (isRebound(last.node, spkiHash)) await core.crls.publishNow();
  return { nodeId: first.nodeId, certificate: issued };
}

async function judgeEnrollment(
  tx: AuthorityTransaction,
  core: AuthorityCore,
  request: EnrollmentRequest,
  csr: Csr,
  spkiHash: string,
): Promise<EnrollmentJudgement> {
  const now = core.clock.wall();
  // 1. The ticket, again: it may have been spent or cancelled meanwhile (T7).
  const finding = await findTicket(tx, request.token, core.epoch, now);
  if (finding.row === undefined || finding.tag === 'refused')
    return refused(ticketRefused(), finding.tag === 'refused' ? finding.reason : 'unknown', finding.row, false);
  const ticket = finding.row;
  // 2. Another key than those that have used it up.
  const before = await tx.findEnrolment(ticket.tokenHash, spkiHash);
  if (finding.tag === 'again' && before === undefined)
    return refused(ticketRefused(), finding.reason, ticket, finding.reason === 'spent');
  // 3. A key that was put out stays out, whatever ticket it brings.
  if (await tx.isKeyRevoked(spkiHash))
    return refused(
      new MeshError('ERR_ENROLL_REVOKED', 'the key of this request was revoked'),
      'key-revoked',
      ticket,
      true,
    );
  // 4. The same key again: the same answer, for as long as it is worth something, and to the same question.
  const certificate = before === undefined ? undefined : await tx.findCertificate(before.serial);
  if (certificate !== undefined && certificate.notAfter > now)
    return request.nodeId === undefined || request.nodeId === certificate.subject
      ? { tag: 'again', certificate }
      : nodeIdNotGranted(request.nodeId, ticket);
  // 5. Too late.
  if (before !== undefined)
    return refused(
      ticketRefused(),
      finding.tag === 'again' ? finding.reason : 'spent',
      ticket,
      finding.tag === 'again' && finding.reason === 'spent',
    );
  // 6. The name: the ticket's, or the key's own, and no other (T15).
  const nodeId = ticket.nodeId === undefined ? nodeIdOfSpki(csr.spki) : parseNodeId(ticket.nodeId);
  if (request.nodeId !== undefined && request.nodeId !== nodeId) return nodeIdNotGranted(request.nodeId, ticket);
  // 7. A name belongs to its first key for good; only an administrator's explicit act binds it anew (T15).
  const node = await tx.findNode(nodeId);
  if (isRebound(node, spkiHash) && !ticket.rebind)
    return refused(
      new MeshError(
        'ERR_ENROLL_NODE_ID',
        `node id ${quoted(nodeId)} is bound to another key`,
        'ask for a ticket made with --rebind',
      ),
      'node-id-bound',
      ticket,
      true,
    );
  if (node?.revokedAt !== undefined && !isRebound(node, spkiHash))
    return refused(new MeshError('ERR_ENROLL_REVOKED', 'this node was revoked'), 'node-revoked', ticket, true);
  // 8. Policy.
  if (!isAllowed(core.policy, nodeId))
    return refused(
      new MeshError('ERR_ENROLL_POLICY', 'this node id is not on the allow list'),
      'allow-list',
      ticket,
      false,
    );
  if ((await tx.countNodes()) >= core.policy.nodesMax && (await isFull(tx, core.policy.nodesMax, nodeId, now)))
    return refused(
      new MeshError('ERR_ENROLL_POLICY', 'the mesh has as many nodes as policy allows'),
      'nodes-max',
      ticket,
      false,
    );
  return { tag: 'issue', ticket, nodeId, node };
}

async function keepEnrollment(
  tx: AuthorityTransaction,
  core: AuthorityCore,
  request: EnrollmentRequest,
  { ticket, node, nodeId }: Extract<EnrollmentJudgement, { tag: 'issue' }>,
  issued: CertificateRow,
  spkiHash: string,
): Promise<void> {
  const at = core.clock.wall();
  if (isRebound(node, spkiHash)) {
    await revokeInPlace(tx, at, await tx.certificatesOf('node', nodeId), 'superseded');
    // Whoever held the name before chose these devices. Once the new holder is seen, the name is no revoked one any more.
    await revokeDelegatesOf(tx, nodeId, at);
  }
  await tx.putTicket({ ...ticket, usesSpent: ticket.usesSpent + 1 });
  await tx.putEnrolment({ tokenHash: ticket.tokenHash, spkiHash, serial: issued.serial, enrolledAt: at });
  if (node === undefined || isRebound(node, spkiHash))
    await tx.putNode({ nodeId, identitySpkiHash: spkiHash, boundAt: at, revokedAt: undefined });
  await noteIssued(tx, core, issued);
  await appendAudit(tx, {
    at,
    actor: `network ${request.from}`,
    action: 'enrolled',
    subject: nodeId,
    detail: {
      ticket: ticketIdOf(ticket),
      serial: issued.serial,
      rebound: isRebound(node, spkiHash) ? 'true' : undefined,
    },
  });
}

function isRebound(node: NodeRow | undefined, spkiHash: string): boolean {
  return node !== undefined && node.identitySpkiHash !== spkiHash;
}

/** True where one more node would be one too many; a node that is active already is none more. */
async function isFull(tx: AuthorityTransaction, nodesMax: number, nodeId: string, now: UnixMs): Promise<boolean> {
  if ((await tx.countActiveNodes(now)) < nodesMax) return false;
  const own = await tx.certificatesOf('node', nodeId);
  return !own.some((row) => row.revokedAt === undefined && row.notAfter > now);
}

function repeat(certificate: CertificateRow): Enrollment {
  return { nodeId: parseNodeId(certificate.subject), certificate };
}

function nodeIdNotGranted(nodeId: string, ticket: TicketRow): EnrollmentJudgement {
  return refused(
    new MeshError('ERR_ENROLL_NODE_ID', `node id ${quoted(nodeId)} is not granted by this ticket`),
    'node-id-not-granted',
    ticket,
    false,
  );
}

function judgeEvidence(attestation: EnrollmentRequest['attestation']): MeshError | undefined {
  if (attestation === undefined) return undefined;
  const { type } = attestation;
  if (type === 'safetynet')
    return new MeshError(
      'ERR_ATTESTATION',
      'safetynet evidence is refused: Google shut the SafetyNet Attestation API down in January 2025',
      'use play_integrity on Android',
    );
  if (KNOWN_EVIDENCE.has(type))
    return new MeshError('ERR_ATTESTATION', `${type} evidence is not accepted here yet`, 'enrol without attestation');
  return new MeshError('ERR_ATTESTATION', `evidence type ${quoted(type)} is unknown`, 'enrol without attestation');
}

/** The one refusal of every ticket that buys nothing, whatever the reason (contract.md). */
function ticketRefused(): MeshError {
  return new MeshError('ERR_TICKET_REFUSED', 'the ticket is unknown, spent, expired or of another mesh');
}

function refused(error: MeshError, reason: string, ticket: TicketRow | undefined, alarm: boolean): EnrollmentJudgement {
  return { tag: 'refused', error, reason, ticketId: ticket === undefined ? '(none)' : ticketIdOf(ticket), alarm };
}

/** Writes the true reason down, then gives the caller the one that it may know. */
async function refuse(
  core: AuthorityCore,
  now: Instant,
  request: EnrollmentRequest,
  error: MeshError,
  reason: string,
  subject: string,
  alarm: boolean,
): Promise<never> {
  await core.refusals.note(now.mono, {
    at: now.wall,
    actor: `network ${request.from}`,
    action: alarm ? 'ticket-alarm' : 'enrolment-refused',
    subject,
    detail: { reason },
  });
  throw error;
}
