import type { Bytes } from '../base/bytes.ts';
import { DAY_MS } from '../base/time.ts';
import { sha256 } from '../crypto/hash.ts';
import { capabilitiesOfRoles, type Role } from '../identity/capability.ts';
import type { NodeId } from '../identity/node-id.ts';
import { parseCertificate } from '../pki/certificate.ts';
import { SERIAL_RANDOM_BYTES, type Validity } from '../pki/certificate-build.ts';
import { parseCsr } from '../pki/csr.ts';
import type { AdministratorName } from '../pki/mesh-names.ts';
import { buildAdministratorLeaf, buildLeaf, buildServerLeaf } from '../pki/leaf-profile.ts';
import type { AuthorityTransaction, CertificateKind, CertificateRow } from '../ports/authority-store.ts';
import { appendAudit } from './audit-trail.ts';
import type { AuthorityCore } from './core.ts';

/** Life of the authority's own server certificate. It is renewed while it runs; a week covers a long outage of its owner. */
export const SERVER_LIFE_MS = 7 * DAY_MS;

/** A certificate for a node's key, signed and not yet kept: whoever asked keeps it with what it was issued for. */
export async function issueNodeCertificate(
  core: AuthorityCore,
  request: {
    readonly spki: Bytes;
    readonly spkiHash: string;
    readonly nodeId: NodeId;
    readonly roles: readonly Role[];
  },
): Promise<CertificateRow> {
  const { spki, nodeId, roles } = request;
  const issueIndex = core.issueIndexes.take();
  const der = await buildLeaf(
    {
      ...basicsOf(core, spki, core.policy.certificateLifeMs),
      nodeId,
      roles,
      capabilities: capabilitiesOfRoles(roles, core.policy.ownRoles),
      issueIndex,
    },
    core.issuer.signer,
  );
  return rowOf(der, { kind: 'node', subject: nodeId, issueIndex, roles });
}

/** The certificate of the authority's own server, for `authority.MESH` and these hosts. */
export async function issueServerCertificate(
  core: AuthorityCore,
  spki: Bytes,
  hosts: readonly string[],
): Promise<CertificateRow> {
  const der = await buildServerLeaf({ ...basicsOf(core, spki, SERVER_LIFE_MS), hosts }, core.issuer.signer);
  const row = rowOf(der, {
    kind: 'server',
    subject: `authority.${core.issuer.mesh}`,
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
  const der = await buildAdministratorLeaf(
    { ...basicsOf(core, spki, core.policy.administratorLifeMs), name },
    core.issuer.signer,
  );
  const row = rowOf(der, { kind: 'administrator', subject: name, issueIndex: undefined, roles: ['administrator'] });
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
  if (row.issueIndex !== undefined) {
    const next = Number((await tx.getMeta('next-issue-index')) ?? 0);
    if (row.issueIndex >= next) await tx.setMeta('next-issue-index', String(row.issueIndex + 1));
  }
  const now = core.clock.now();
  await tx.setMeta('last-signed-at', String(now.wall));
  core.clockGuard.noteSigned(now);
}

function basicsOf(core: AuthorityCore, spki: Bytes, lifeMs: number) {
  const now = core.clock.now();
  core.clockGuard.check(now);
  const validity: Validity = { issuedAt: now.wall, lifeMs };
  const { mesh, certificate: issuer } = core.issuer;
  return { mesh, issuer, spki, serial: core.random.bytes(SERIAL_RANDOM_BYTES), validity };
}

function rowOf(
  der: Bytes,
  about: {
    readonly kind: CertificateKind;
    readonly subject: string;
    readonly issueIndex: number | undefined;
    readonly roles: readonly string[];
  },
): CertificateRow {
  const { serial, spki, notBefore, notAfter } = parseCertificate(der);
  const spkiHash = sha256(spki).toHex();
  return { serial, ...about, spkiHash, notBefore, notAfter, der, revokedAt: undefined, revokedReason: undefined };
}
