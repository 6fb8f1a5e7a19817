import type { Bytes } from '../../base/bytes.ts';
import { DAY_MS } from '../../base/time.ts';
import { sha256Hex } from '../../crypto/hash.ts';
import { isSyncSigner } from '../../crypto/keys/signer.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { serialOf } from '../../pki/x509/certificate/certificate.ts';
import {
  datesOf,
  keyIdOfHash,
  SERIAL_RANDOM_BYTES,
  type Validity,
} from '../../pki/x509/certificate/certificate-build.ts';
import { parseCsr } from '../../pki/x509/certificate/csr.ts';
import type { AdministratorName } from '../../pki/mesh/mesh-names.ts';
import { buildAdministratorLeaf, buildServerLeaf } from '../../pki/mesh/leaf-profile.ts';
import { signedStructure } from '../../pki/x509/sign-structure.ts';
import type { CertificateRow } from '../../ports/authority/certificates.ts';
import type { AuthorityTransaction } from '../../ports/authority-store.ts';
import type { TicketRow } from '../../ports/authority/tickets.ts';
import { appendAudit } from '../audit-trail.ts';
import type { AuthorityCore } from '../core.ts';
import type { Applicant } from './judgement.ts';

/** Life of the authority's own server certificate. It is renewed while it runs; a week covers a long outage of its owner. */
export const SERVER_LIFE_MS = 7 * DAY_MS;

/**
 * A certificate for a node's key, signed and not yet kept: whoever asked keeps it with what it was issued for. A key in
 * memory has signed it before this returns.
 */
export async function issueNodeCertificate(
  core: AuthorityCore,
  { spki, keyHash, spkiHash }: Applicant,
  nodeId: NodeId,
  ticket: TicketRow,
): Promise<CertificateRow> {
  const { signer, leaves } = core.issuer;
  const grants = core.grants.of(ticket.roles);
  const issueIndex = core.issueIndexes.take();
  const basics = basicsOf(core, spki, core.policy.certificateLifeMs);
  const { serial, validity } = basics;
  const keyId = keyIdOfHash(keyHash);
  const toSign = leaves.toSign({ nodeId, issueIndex, spki, keyId, serial, validity, grants }, signer.algorithm);
  const signature = isSyncSigner(signer) ? signer.signSync(toSign) : await signer.sign(toSign);
  return rowOf(signedStructure(toSign, signer.algorithm, signature), basics, {
    kind: 'node',
    subject: nodeId,
    spkiHash,
    tokenHash: ticket.tokenHash,
    issueIndex,
    roles: grants.roles,
  });
}

/** The certificate of the authority's own server, for `authority.MESH` and these hosts. */
export async function issueServerCertificate(
  core: AuthorityCore,
  spki: Bytes,
  hosts: readonly string[],
): Promise<CertificateRow> {
  const basics = basicsOf(core, spki, SERVER_LIFE_MS);
  const der = await buildServerLeaf({ ...basics, hosts }, core.issuer.signer);
  const row = rowOf(der, basics, {
    kind: 'server',
    subject: `authority.${core.issuer.mesh}`,
    spkiHash: sha256Hex(spki),
    tokenHash: undefined,
    issueIndex: undefined,
    roles: [],
  });
  await core.store.transact(async (tx) => {
    await noteIssued(tx, core, row);
    await appendAudit(tx, {
      at: core.clock.wall(),
      actor: 'local',
      action: 'server-certificate-issued',
      subject: row.subject,
      detail: { serial: row.serial, hosts: hosts.join(' ') },
    });
  });
  return row;
}

/** A client certificate for an administrator whose key made the request. @throws ERR_CSR_... */
export async function issueAdministrator(
  core: AuthorityCore,
  name: AdministratorName,
  csr: string,
  actor: string,
): Promise<CertificateRow> {
  const { spki } = parseCsr(csr);
  const basics = basicsOf(core, spki, core.policy.administratorLifeMs);
  const der = await buildAdministratorLeaf({ ...basics, name }, core.issuer.signer);
  const row = rowOf(der, basics, {
    kind: 'administrator',
    subject: name,
    spkiHash: sha256Hex(spki),
    tokenHash: undefined,
    issueIndex: undefined,
    roles: ['administrator'],
  });
  await core.store.transact(async (tx) => {
    await noteIssued(tx, core, row);
    await appendAudit(tx, {
      at: core.clock.wall(),
      actor,
      action: 'administrator-added',
      subject: name,
      detail: { serial: row.serial },
    });
  });
  return row;
}

/** Keeps a certificate that was signed, and what its signing used up. */
export async function noteIssued(tx: AuthorityTransaction, core: AuthorityCore, row: CertificateRow): Promise<void> {
  await tx.putCertificate(row);
  const now = core.clock.now();
  if (core.clockGuard.isWorthKeeping(now)) {
    await tx.setMeta('last-signed-at', String(now.wall));
    core.clockGuard.noteKept(now);
  }
  core.clockGuard.noteSigned(now);
}

function basicsOf(core: AuthorityCore, spki: Bytes, lifeMs: number) {
  const now = core.clock.now();
  core.clockGuard.check(now);
  const validity: Validity = { issuedAt: now.wall, lifeMs };
  const { mesh, certificate: issuer } = core.issuer;
  return { mesh, issuer, spki, serial: core.random.bytes(SERIAL_RANDOM_BYTES), validity };
}

/** What is kept of a certificate, from what it was made of: nobody reads back what was just written. */
function rowOf(
  der: Bytes,
  { serial, validity, issuer }: ReturnType<typeof basicsOf>,
  about: Pick<CertificateRow, 'kind' | 'subject' | 'spkiHash' | 'tokenHash' | 'issueIndex' | 'roles'>,
): CertificateRow {
  // Named one by one: to copy what is not known to the compiler takes as long as to encode a certificate.
  const { kind, subject, spkiHash, tokenHash, issueIndex, roles } = about;
  const { notBefore, notAfter } = datesOf(validity, issuer);
  return {
    serial: serialOf(serial),
    issueIndex,
    kind,
    subject,
    spkiHash,
    tokenHash,
    roles,
    notBefore,
    notAfter,
    der,
    revokedAt: undefined,
    revokedReason: undefined,
  };
}
