import type { Bytes } from '../../base/bytes.ts';
import { utf8 } from '../../base/bytes.ts';
import { after, DAY_MS, type UnixMs, unixSeconds } from '../../base/time.ts';
import { sha256 } from '../../crypto/hash.ts';
import { ed25519Pkcs8FromSeed, type SyncSigner, softwareSigner } from '../../crypto/keys/signer.ts';
import type { CheckX509Signature } from '../../crypto/signatures/x509-signature.ts';
import { capabilitiesOfRoles, type Role } from '../../identity/capability.ts';
import type { Delegations } from '../../identity/delegate/delegations.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import { type NodeId, nodeIdOfSpki } from '../../identity/node-id.ts';
import { type Certificate, parseCertificate } from '../../pki/x509/certificate/certificate.ts';
import { SERIAL_RANDOM_BYTES } from '../../pki/x509/certificate/certificate-build.ts';
import { buildCrl } from '../../pki/x509/crl/crl-build.ts';
import { buildIntermediate, buildRoot } from '../../pki/mesh/issuer-profile.ts';
import type { Trust } from '../../pki/mesh/judge.ts';
import { buildLeaf, LEAF_LIFE_MS_MAX } from '../../pki/mesh/node-leaf.ts';
import type { Revocation, RevocationReason } from '../../pki/x509/crl/revocation-reason.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { SimulatedTree } from './simulated-tree.ts';

const AUTHORITY_LIFE_MS = 3_650 * DAY_MS;
const CRL_LIFE_MS = DAY_MS;

/** A node's key and certificates, as an enrolment would have given them. */
export interface SimulatedIdentity {
  readonly nodeId: NodeId;
  readonly signer: SyncSigner;
  /** Leaf and intermediate. */
  readonly chain: readonly Certificate[];
}

/**
 * An authority whose keys come from a seed. Its certificates and lists are real, made by the builders of `pki/`; as
 * Ed25519 signs without chance, equal seeds give equal bytes.
 */
export class SimulatedAuthority {
  readonly trust: Trust;
  readonly tree: SimulatedTree;
  /** What each list says of delegates, from now on. */
  delegations: Delegations | undefined;
  readonly #random: SeededRandom;
  readonly #intermediate: Certificate;
  readonly #signer: SyncSigner;
  readonly #keySeed: string;
  readonly #revoked: Revocation[] = [];
  #issued = 0;
  #crlNumber = 0;

  private constructor(parts: AuthorityParts) {
    this.#random = parts.random;
    this.#intermediate = parts.intermediate;
    this.#signer = parts.signer;
    this.#keySeed = parts.keySeed;
    this.tree = new SimulatedTree(parts.mesh, parts.keySeed);
    this.trust = { mesh: parts.mesh, anchors: [parts.root], checkSignature: parts.checkSignature };
  }

  /** @param keySeed all keys are derived from it: equal seeds, equal authorities. */
  static async create(
    mesh: MeshName,
    keySeed: string,
    random: SeededRandom,
    wall: UnixMs,
    checkSignature: CheckX509Signature,
  ): Promise<SimulatedAuthority> {
    const rootSigner = signerOf(`${keySeed}/root`);
    const signer = signerOf(`${keySeed}/issuer`);
    const validity = { issuedAt: wall, lifeMs: AUTHORITY_LIFE_MS };
    const serial = (): Bytes => random.bytes(SERIAL_RANDOM_BYTES);
    const root = parseCertificate(await buildRoot({ mesh, serial: serial(), validity }, rootSigner));
    const request = { mesh, serial: serial(), validity, issuer: root, spki: signer.spki };
    const intermediate = parseCertificate(await buildIntermediate(request, rootSigner));
    return new SimulatedAuthority({ mesh, keySeed, random, root, intermediate, signer, checkSignature });
  }

  /** Of the newest list; 0 before the first. */
  get crlNumber(): number {
    return this.#crlNumber;
  }

  /** Makes the key of this name and certifies it. */
  async enroll(name: string, wall: UnixMs, roles: readonly Role[] = []): Promise<SimulatedIdentity> {
    const signer = signerOf(`${this.#keySeed}/node/${name}`);
    const nodeId = nodeIdOfSpki(signer.spki);
    const der = await buildLeaf(
      {
        mesh: this.trust.mesh,
        issuer: this.#intermediate,
        spki: signer.spki,
        serial: this.#random.bytes(SERIAL_RANDOM_BYTES),
        validity: { issuedAt: wall, lifeMs: LEAF_LIFE_MS_MAX },
        nodeId,
        issueIndex: this.#issued++,
        roles,
        capabilities: capabilitiesOfRoles(roles),
      },
      this.#signer,
    );
    return { nodeId, signer, chain: [parseCertificate(der), this.#intermediate] };
  }

  /** Revokes the leaves. @returns the new list of all that is revoked, DER. */
  async revoke(
    chains: readonly (readonly Certificate[])[],
    wall: UnixMs,
    reason: RevocationReason = 'keyCompromise',
  ): Promise<Bytes> {
    for (const [leaf] of chains)
      if (leaf !== undefined) this.#revoked.push({ serial: leaf.serial, revokedAt: wall, reason });
    return this.#publish(wall);
  }

  /** Revokes delegates by the ids of their statements, or nobody. @returns the new list, DER. */
  async revokeDelegates(ids: readonly string[], wall: UnixMs): Promise<Bytes> {
    for (const serial of ids) this.#revoked.push({ serial, revokedAt: wall, reason: 'unspecified' });
    return this.#publish(wall);
  }

  #publish(wall: UnixMs): Promise<Bytes> {
    this.#crlNumber = Math.max(this.#crlNumber + 1, unixSeconds(wall));
    const template = {
      issuer: this.#intermediate,
      number: this.#crlNumber,
      thisUpdate: wall,
      nextUpdate: after(wall, CRL_LIFE_MS),
      entries: this.#revoked,
      delegations: this.delegations,
    };
    return buildCrl(template, this.#signer);
  }
}

interface AuthorityParts {
  readonly mesh: MeshName;
  readonly keySeed: string;
  readonly random: SeededRandom;
  readonly root: Certificate;
  readonly intermediate: Certificate;
  readonly signer: SyncSigner;
  readonly checkSignature: CheckX509Signature;
}

function signerOf(label: string): SyncSigner {
  return softwareSigner(ed25519Pkcs8FromSeed(sha256(utf8(label))));
}
