import { type Bytes, utf8 } from '../../../src/base/bytes.ts';
import { DAY_MS, type UnixMs } from '../../../src/base/time.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import { generatePkcs8, type SyncSigner, softwareSigner } from '../../../src/crypto/keys/signer.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { PLAIN_CAPABILITIES, parseRole } from '../../../src/identity/capability.ts';
import { type MeshName, parseMeshName } from '../../../src/identity/mesh-name.ts';
import { nodeIdOfSpki } from '../../../src/identity/node-id.ts';
import { type Certificate, parseCertificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { buildCrl } from '../../../src/pki/x509/crl/crl-build.ts';
import { type Crl, parseCrl } from '../../../src/pki/x509/crl/crl.ts';
import { buildIntermediate, buildRoot } from '../../../src/pki/mesh/issuer-profile.ts';
import type { Trust } from '../../../src/pki/mesh/judge.ts';
import { buildAdministratorLeaf, buildServerLeaf } from '../../../src/pki/mesh/leaf-profile.ts';
import { parseAdministratorName } from '../../../src/pki/mesh/mesh-names.ts';
import { buildLeaf, type LeafRequest } from '../../../src/pki/mesh/node-leaf.ts';
import type { Revocation } from '../../../src/pki/x509/crl/revocation-reason.ts';

export const NOW = Date.UTC(2030, 0, 1) as UnixMs;
const YEAR_MS = 365 * DAY_MS;

let serials = 0;
export function serial(): Bytes {
  serials += 1;
  return sha256(utf8(`serial ${serials}`)).subarray(0, 16);
}

/** An authority in memory: root, intermediate, and what they issue. */
export interface TestMesh {
  readonly mesh: MeshName;
  readonly trust: Trust;
  readonly root: Certificate;
  readonly rootSigner: SyncSigner;
  readonly intermediate: Certificate;
  readonly intermediateSigner: SyncSigner;
  leaf(more?: Partial<LeafRequest>): Promise<Certificate>;
  server(...hosts: readonly string[]): Promise<Certificate>;
  administrator(name: string): Promise<Certificate>;
  /** The intermediate's list. */
  crl(number: number, revocations: readonly Revocation[]): Promise<Crl>;
}

export type KeyKind = 'P-256' | 'Ed25519';

export async function createTestMesh(
  name = 'fleet',
  kind: KeyKind = 'Ed25519',
  authorityHosts: readonly string[] = [],
): Promise<TestMesh> {
  const mesh = parseMeshName(name);
  const key = () => softwareSigner(generatePkcs8(kind));
  const [rootSigner, intermediateSigner] = [key(), key()];
  const years = (count: number) => ({ issuedAt: NOW, lifeMs: count * YEAR_MS });
  const root = parseCertificate(await buildRoot({ mesh, serial: serial(), validity: years(10) }, rootSigner));
  const intermediateRequest = {
    mesh,
    serial: serial(),
    issuer: root,
    spki: intermediateSigner.spki,
    validity: years(3),
    authorityHosts,
  };
  const intermediate = parseCertificate(await buildIntermediate(intermediateRequest, rootSigner));
  const basics = (spki: Bytes) => ({
    mesh,
    issuer: intermediate,
    spki,
    serial: serial(),
    validity: { issuedAt: NOW, lifeMs: DAY_MS },
  });
  return {
    mesh,
    trust: { mesh, anchors: [root], checkSignature: checkX509Signature },
    root,
    rootSigner,
    intermediate,
    intermediateSigner,
    leaf: async (more = {}) => {
      const spki = more.spki ?? key().spki;
      const grants = { roles: [parseRole('sensor')], capabilities: PLAIN_CAPABILITIES, issueIndex: 7 };
      return parseCertificate(
        await buildLeaf({ ...basics(spki), ...grants, nodeId: nodeIdOfSpki(spki), ...more }, intermediateSigner),
      );
    },
    server: async (...hosts) =>
      parseCertificate(await buildServerLeaf({ ...basics(key().spki), hosts }, intermediateSigner)),
    administrator: async (text) =>
      parseCertificate(
        await buildAdministratorLeaf({ ...basics(key().spki), name: parseAdministratorName(text) }, intermediateSigner),
      ),
    crl: async (number, entries) =>
      parseCrl(
        await buildCrl(
          { issuer: intermediate, number, thisUpdate: NOW, nextUpdate: (NOW + DAY_MS) as UnixMs, entries },
          intermediateSigner,
        ),
      ),
  };
}
