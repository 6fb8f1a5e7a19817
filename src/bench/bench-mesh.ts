import type { Bytes } from '../base/bytes.ts';
import { DAY_MS, type UnixMs } from '../base/time.ts';
import { encodePem } from '../codec/pem.ts';
import { generatePkcs8, type Signer, softwareSigner } from '../crypto/keys/signer.ts';
import { rememberChecks } from '../crypto/signatures/remembered-checks.ts';
import { checkX509Signature } from '../crypto/signatures/x509-signature.ts';
import { systemClock } from '../host/machine/system-clock.ts';
import { systemRandom } from '../host/machine/system-random.ts';
import type { TlsIdentity } from '../host/tls/server-options.ts';
import { capabilitiesOfRoles } from '../identity/capability.ts';
import { type MeshName, parseMeshName } from '../identity/mesh-name.ts';
import { type NodeId, nodeIdOfSpki } from '../identity/node-id.ts';
import { type Certificate, parseCertificate } from '../pki/x509/certificate/certificate.ts';
import { SERIAL_RANDOM_BYTES } from '../pki/x509/certificate/certificate-build.ts';
import { buildIntermediate, buildRoot } from '../pki/mesh/issuer-profile.ts';
import type { Trust } from '../pki/mesh/judge.ts';
import { buildLeaf } from '../pki/mesh/node-leaf.ts';

/** A node's key and certificate, made here and kept nowhere. */
export interface BenchMember {
  readonly nodeId: NodeId;
  readonly signer: Signer;
  /** Leaf first. */
  readonly chain: readonly [Certificate, Certificate];
  readonly tls: TlsIdentity;
}

/** A mesh whose certificates are as in the field, P-256 throughout, from an issuer in memory. */
export class BenchMesh {
  readonly mesh: MeshName;
  readonly root: Certificate;
  readonly intermediate: Certificate;
  readonly issuer: Signer;
  #issueIndex = 0;

  private constructor(mesh: MeshName, root: Certificate, intermediate: Certificate, issuer: Signer) {
    this.mesh = mesh;
    this.root = root;
    this.intermediate = intermediate;
    this.issuer = issuer;
  }

  static async create(): Promise<BenchMesh> {
    const mesh = parseMeshName('bench');
    const rootKey = softwareSigner(generatePkcs8('P-256'));
    const issuer = softwareSigner(generatePkcs8('P-256'));
    const validity = { issuedAt: (systemClock.wall() - DAY_MS) as UnixMs, lifeMs: 365 * DAY_MS };
    const root = parseCertificate(await buildRoot({ mesh, serial: newSerial(), validity }, rootKey));
    const request = { mesh, serial: newSerial(), validity, issuer: root, spki: issuer.spki };
    return new BenchMesh(mesh, root, parseCertificate(await buildIntermediate(request, rootKey)), issuer);
  }

  /** For one node: nodes in one process share no memory of what they checked. */
  get trust(): Trust {
    return { mesh: this.mesh, anchors: [this.root], checkSignature: rememberChecks(checkX509Signature) };
  }

  async members(count: number): Promise<readonly BenchMember[]> {
    const members: BenchMember[] = [];
    for (let i = 0; i < count; i++) members.push(await this.#member());
    return members;
  }

  async #member(): Promise<BenchMember> {
    const pkcs8 = generatePkcs8('P-256');
    const signer = softwareSigner(pkcs8);
    const nodeId = nodeIdOfSpki(signer.spki);
    const der = await buildLeaf(
      {
        mesh: this.mesh,
        issuer: this.intermediate,
        spki: signer.spki,
        serial: newSerial(),
        validity: { issuedAt: systemClock.wall(), lifeMs: DAY_MS },
        nodeId,
        roles: [],
        capabilities: capabilitiesOfRoles([]),
        issueIndex: this.#issueIndex++,
      },
      this.issuer,
    );
    const chain = [parseCertificate(der), this.intermediate] as const;
    const tls = {
      certificate: chain.map((certificate) => encodePem('CERTIFICATE', certificate.der)).join(''),
      key: encodePem('PRIVATE KEY', pkcs8),
      trustAnchors: [encodePem('CERTIFICATE', this.root.der)],
    };
    return { nodeId, signer, chain, tls };
  }
}

function newSerial(): Bytes {
  return systemRandom.bytes(SERIAL_RANDOM_BYTES);
}
