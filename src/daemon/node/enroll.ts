import { existsSync } from 'node:fs';
import { enrollResponseSchema, type EnrollResponse } from '../../api/enrollment.ts';
import { parseTicket, type Ticket } from '../../api/ticket.ts';
import { bytesEqual, utf8 } from '../../base/bytes.ts';
import { isMeshError, MeshError, quotedPath } from '../../base/errors.ts';
import { encodePem } from '../../codec/pem.ts';
import { sha256 } from '../../crypto/hash.ts';
import type { Secret } from '../../crypto/secret.ts';
import type { Signer } from '../../crypto/keys/signer.ts';
import { checkX509Signature } from '../../crypto/signatures/x509-signature.ts';
import { MODE_PUBLIC, MODE_SECRET, writeFileAtomic } from '../../host/files/atomic-file.ts';
import { lockDirectory } from '../../host/files/directory-lock.ts';
import { callJson } from '../../host/http/call.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { type MeshName, parseMeshName } from '../../identity/mesh-name.ts';
import { parseCertificatesPem } from '../../pki/x509/certificate/certificate.ts';
import { buildCsr } from '../../pki/x509/certificate/csr.ts';
import { judgePath } from '../../pki/mesh/judge.ts';
import { authorityNames } from '../../pki/mesh/mesh-names.ts';
import { RevocationView } from '../../pki/mesh/revocation-view.ts';
import { writeConfig } from '../config.ts';
import { isNodeDirectory, makeDirectory, nodeLayout, requireNoAuthority } from '../directory.ts';
import { openKeys } from '../keys.ts';
import { NODE_CONFIG_TEXT } from './config.ts';
import { type EnrolledNode, loadEnrolledNode, readEnrollmentFile } from './enrolled-node.ts';
import { requireNotRevoked } from './own-revocation.ts';

/** Largest answer to an enrolment: two chains and a list of peers. */
export const ENROLLMENT_BYTES_MAX = 256 * 1024;

const NOT_ITS_AUTHORITY = 'check that this is the authority of the ticket';

export interface EnrollNodeOptions {
  readonly directory: string;
  /** The text of the ticket file. */
  readonly ticket: string;
  readonly passphrase: Secret;
}

/**
 * Makes a node of this directory: an identity key, a request, and a certificate from the authority that the ticket
 * names, whom only the ticket's own trust anchor vouches for.
 *
 * Again with another ticket of the same node it gets a fresh certificate for the same key, whenever the node does not run.
 * Safe to repeat at any point, also after kill -9: the key is made once, the request is kept before it is sent, and
 * the authority gives the same key the same certificate. `enrollment.json` is written last.
 *
 * @throws ERR_TICKET_MALFORMED, ERR_TICKET_REFUSED, ERR_UNREACHABLE, ERR_DIR_EXISTS where the enrolment of another node
 *   or mesh is still good, or an authority lives, ERR_ENROLL_REVOKED where what is enrolled was revoked, ERR_DIR_LOCKED, ERR_PASSPHRASE_WRONG, ERR_PATH_... where the answer does not hold.
 */
export async function enrollNode(options: EnrollNodeOptions): Promise<EnrolledNode> {
  const ticket = parseTicket(options.ticket);
  const mesh = parseMeshName(ticket.mesh);
  const layout = nodeLayout(options.directory);
  makeDirectory(layout.directory);
  const lock = lockDirectory(layout.directory);
  try {
    requireNoAuthority(layout.directory);
    const tokenHash = sha256(utf8(ticket.token)).toHex();
    const before = isNodeDirectory(layout.directory) ? loadEnrolledNode(layout.directory) : undefined;
    if (before !== undefined) {
      await requireNotRevoked(before);
      if (before.notAfter > systemClock.wall()) {
        if (readEnrollmentFile(layout).token_hash === tokenHash) return before;
        if (!isOfSameNode(ticket, before))
          throw new MeshError(
            'ERR_DIR_EXISTS',
            `${quotedPath(layout.directory)} is enrolled as ${before.nodeId} in mesh ${before.mesh}, and the ticket is for another`,
            'use that node, or choose another --dir',
          );
      }
    }
    const keys = await openKeys(layout.keys, options.passphrase);
    const signer = (await keys.has('identity')) ? await keys.open('identity') : await keys.generate('identity');
    const csr = encodePem('CERTIFICATE REQUEST', await buildCsr(signer));
    writeFileAtomic(layout.request, csr, MODE_PUBLIC);
    // A directory holds what one node has heard and said: it asks for no other name.
    const nodeId = ticket.node_id ?? (before?.mesh === mesh ? before.nodeId : undefined);
    const answer = await requestCertificate(ticket, mesh, nodeId, csr);
    const judged = judgeAnswer(ticket, mesh, signer, answer);
    writeFileAtomic(layout.certificate, answer.certificate, MODE_PUBLIC);
    writeFileAtomic(layout.caCertificates, judged.caPem, MODE_PUBLIC);
    if (!existsSync(layout.config)) writeConfig(layout.directory, NODE_CONFIG_TEXT);
    const file = { token_hash: tokenHash, endpoint: ticket.endpoint, config: answer.config };
    writeFileAtomic(layout.enrollment, `${JSON.stringify(file, undefined, 2)}\n`, MODE_SECRET);
    return loadEnrolledNode(layout.directory);
  } finally {
    lock.release();
  }
}

const NOTHING_REVOKED = new RevocationView();

/** Whether a ticket lets the enrolled node have another certificate: a fresh one, before the old one has ended. */
function isOfSameNode({ mesh, trust_anchor, node_id }: Ticket, before: EnrolledNode): boolean {
  const [anchor] = parseCertificatesPem(trust_anchor);
  if (mesh !== before.mesh || anchor === undefined || !bytesEqual(anchor.der, before.root.der)) return false;
  return node_id === undefined || node_id === before.nodeId;
}

async function requestCertificate(
  ticket: Ticket,
  mesh: MeshName,
  nodeId: string | undefined,
  csr: string,
): Promise<EnrollResponse> {
  const body = {
    token: ticket.token,
    csr,
    ...(nodeId === undefined ? {} : { node_id: nodeId }),
  };
  const target = {
    tag: 'tls',
    endpoint: ticket.endpoint,
    trustAnchors: [ticket.trust_anchor],
    serverName: authorityNames(mesh).dns, // the anchor also vouches for nodes; none of them has this name
  } as const;
  const call = { method: 'POST', path: '/v1/enroll', body, bodyBytesMax: ENROLLMENT_BYTES_MAX } as const;
  try {
    return await callJson(target, enrollResponseSchema, call);
  } catch (error) {
    throw explained(ticket, error);
  }
}

/** The authority tells strangers no reason; that the time is over is written in the ticket itself. */
function explained({ expires_at }: Ticket, error: unknown): unknown {
  if (!isMeshError(error)) return error;
  if (error.code === 'ERR_REMOTE') return new MeshError(error.code, error.message, NOT_ITS_AUTHORITY);
  if (error.code !== 'ERR_TICKET_REFUSED' || Date.parse(expires_at) > systemClock.wall()) return error;
  return new MeshError(error.code, `the ticket expired at ${expires_at}`);
}

/** Nothing of the answer is kept before all of it holds under the ticket's own anchor. */
function judgeAnswer(
  ticket: Ticket,
  mesh: MeshName,
  signer: Signer,
  answer: EnrollResponse,
): { readonly caPem: string } {
  const [root] = parseCertificatesPem(ticket.trust_anchor);
  if (root === undefined) throw new MeshError('ERR_TICKET_MALFORMED', 'the ticket has no trust anchor');
  const chain = parseCertificatesPem(answer.certificate);
  const judgement = judgePath(chain, NOTHING_REVOKED, systemClock.wall(), 'tls-client', {
    mesh,
    anchors: [root],
    checkSignature: checkX509Signature,
  });
  if (judgement.tag === 'refused')
    throw new MeshError(judgement.code, `the certificate that came does not hold: ${judgement.message}`);
  const isOurs = bytesEqual(judgement.leaf.spki, signer.spki);
  if (!isOurs || judgement.nodeId !== answer.node_id || answer.config.mesh !== mesh)
    throw new MeshError(
      'ERR_REMOTE',
      `${ticket.endpoint}: the certificate is for another key, node or mesh`,
      NOT_ITS_AUTHORITY,
    );
  const issuers = [...chain.slice(1), root].map(({ der }) => encodePem('CERTIFICATE', der));
  return { caPem: issuers.join('') };
}
