import type { Bytes } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { sha256 } from '../../crypto/hash.ts';
import { type NodeId, nodeIdOfKeyHash, parseNodeId } from '../../identity/node-id.ts';
import type { CertificateRow } from '../../ports/authority/certificates.ts';
import type { NodeRow } from '../../ports/authority/nodes.ts';
import type { TicketRow } from '../../ports/authority/tickets.ts';
import type { AuthorityTransaction } from '../../ports/authority-store.ts';
import type { AuthorityCore } from '../core.ts';
import { isAllowed } from '../policy.ts';
import { type TicketFinding, type TicketRefusal, ticketIdOf } from './ticket.ts';

/** A key that has proved itself, and the name that it wants, if it wants one. */
export interface Applicant {
  readonly spki: Bytes;
  /** Its SHA-256. */
  readonly keyHash: Bytes;
  /** The same in hex. */
  readonly spkiHash: string;
  /** The name that is the key's own. */
  readonly keyNodeId: NodeId;
  readonly wished: string | undefined;
}

/** @param spki DER, whose possession was proved. @param wished the name that is asked for, unread. */
export function applicantOf(spki: Bytes, wished: string | undefined): Applicant {
  const keyHash = sha256(spki);
  return { spki, keyHash, spkiHash: keyHash.toHex(), keyNodeId: nodeIdOfKeyHash(keyHash), wished };
}

/** Why somebody gets no certificate: what they are told, and what is written down. */
export interface EnrollmentRefusal {
  readonly tag: 'refused';
  readonly error: MeshError;
  /** The true one, for the audit log. */
  readonly reason: string;
  /** `(none)` where there is no such ticket. */
  readonly ticketId: string;
  /** It looks like theft. */
  readonly isAlarm: boolean;
}

/** What is to be done for a key that shows a ticket. */
export type EnrollmentJudgement =
  | { readonly tag: 'again'; readonly certificate: CertificateRow }
  | {
      readonly tag: 'issue';
      readonly applicant: Applicant;
      readonly ticket: TicketRow;
      readonly nodeId: NodeId;
      /** Who has the name by now. */
      readonly node: NodeRow | undefined;
    }
  | EnrollmentRefusal;

/** Ticket, name, key and policy together, in order of cost. Reads, and changes nothing. */
export async function judgeEnrollment(
  tx: AuthorityTransaction,
  core: AuthorityCore,
  applicant: Applicant,
  finding: TicketFinding,
  now: UnixMs,
): Promise<EnrollmentJudgement> {
  const { spkiHash, keyNodeId, wished } = applicant;
  // 1. The ticket (T7).
  if (finding.tag === 'refused') return ticketRefused(finding.reason, finding.row);
  const ticket = finding.row;
  // 2. Another key than those that have used it up.
  const { isRevoked, certificate } = await tx.standingOfKey(spkiHash, ticket.tokenHash);
  if (finding.tag === 'again' && certificate === undefined) return ticketRefused(finding.reason, ticket);
  // 3. A key that was put out stays out, whatever ticket it brings.
  if (isRevoked)
    return refused(
      new MeshError('ERR_ENROLL_REVOKED', 'the key of this request was revoked'),
      'key-revoked',
      ticket,
      'alarm',
    );
  // 4. The same key again: the same answer, for as long as it is worth something, and to the same question.
  if (certificate !== undefined && certificate.notAfter > now)
    return wished === undefined || wished === certificate.subject
      ? { tag: 'again', certificate }
      : nodeIdNotGranted(wished, ticket);
  // 5. Too late: what this key got has ended.
  if (certificate !== undefined)
    return finding.tag === 'again' ? ticketRefused(finding.reason, ticket) : refused(ticketError(), 'spent', ticket);
  // 6. The name: the ticket's, or the key's own, and no other (T15).
  const nodeId = ticket.nodeId === undefined ? keyNodeId : parseNodeId(ticket.nodeId);
  if (wished !== undefined && wished !== nodeId) return nodeIdNotGranted(wished, ticket);
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
      'alarm',
    );
  if (node?.revokedAt !== undefined && !isRebound(node, spkiHash))
    return refused(new MeshError('ERR_ENROLL_REVOKED', 'this node was revoked'), 'node-revoked', ticket, 'alarm');
  // 8. Policy.
  if (!isAllowed(core.policy, nodeId))
    return refused(new MeshError('ERR_ENROLL_POLICY', 'this node id is not on the allow list'), 'allow-list', ticket);
  if ((await tx.countNodes()) >= core.policy.nodesMax && (await isFull(tx, core.policy.nodesMax, nodeId, now)))
    return refused(
      new MeshError('ERR_ENROLL_POLICY', 'the mesh has as many nodes as policy allows'),
      'nodes-max',
      ticket,
    );
  return { tag: 'issue', applicant, ticket, nodeId, node };
}

/** Whether a name belongs to another key than this one. `spkiHash`: SHA-256, hex. */
export function isRebound(node: NodeRow | undefined, spkiHash: string): boolean {
  return node !== undefined && node.identitySpkiHash !== spkiHash;
}

/**
 * The one refusal of every ticket that buys nothing, whatever the reason (spec 06 section 3). Where all its uses are spent, it
 * was stolen or its owner is late: an alarm.
 */
export function ticketRefused(reason: TicketRefusal, ticket: TicketRow | undefined): EnrollmentRefusal {
  return refused(ticketError(), reason, ticket, reason === 'spent' ? 'alarm' : undefined);
}

/**
 * @param error what the applicant is told.
 * @param reason what the audit log says.
 * @param alarm where it tells of an attack.
 */
export function refused(
  error: MeshError,
  reason: string,
  ticket: TicketRow | undefined,
  alarm?: 'alarm',
): EnrollmentRefusal {
  const ticketId = ticket === undefined ? '(none)' : ticketIdOf(ticket);
  return { tag: 'refused', error, reason, ticketId, isAlarm: alarm !== undefined };
}

function ticketError(): MeshError {
  return new MeshError('ERR_TICKET_REFUSED', 'the ticket is unknown, spent, expired or of another mesh');
}

function nodeIdNotGranted(nodeId: string, ticket: TicketRow): EnrollmentRefusal {
  const error = new MeshError('ERR_ENROLL_NODE_ID', `node id ${quoted(nodeId)} is not granted by this ticket`);
  return refused(error, 'node-id-not-granted', ticket);
}

/** True where one more node would be one too many; a node that is active already is none more. */
async function isFull(tx: AuthorityTransaction, nodesMax: number, nodeId: string, now: UnixMs): Promise<boolean> {
  if ((await tx.countActiveNodes(now)) < nodesMax) return false;
  const own = await tx.certificatesOf('node', nodeId);
  return !own.some((row) => row.revokedAt === undefined && row.notAfter > now);
}
