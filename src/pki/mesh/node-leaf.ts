import type { Bytes } from '../../base/bytes.ts';
import { Slab } from '../../base/slab.ts';
import { DAY_MS } from '../../base/time.ts';
import { DerMould } from '../../codec/der-mould.ts';
import { type DerPart, encoded, ia5String, time, utf8String } from '../../codec/der-writer.ts';
import { OID } from '../../codec/oid.ts';
import type { MessageAlgorithm } from '../../crypto/keys/public-key.ts';
import type { Signer } from '../../crypto/keys/signer.ts';
import { CAPABILITIES_MAX, ROLES_MAX } from '../../identity/capability.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';
import {
  authorityKeyIdentifier,
  bundleEidName,
  certificateOf,
  crlDistributionPoint,
  datesOf,
  dnsName,
  extendedKeyUsage,
  extension,
  keyIdOf,
  keyUsage,
  nameOf,
  serialNumber,
  subjectAltName,
  subjectKeyIdentifier,
  uriName,
  type Validity,
} from '../x509/certificate/certificate-build.ts';
import { KEY_USAGE } from '../x509/certificate/extensions.ts';
import { signStructure } from '../x509/sign-structure.ts';
import { encodeGrants, encodeIssueIndex, type Grants } from './mesh-extensions.ts';
import { nodeNames } from './mesh-names.ts';

/** Longest life of a node's certificate; revocations are kept so much longer than it. */
export const LEAF_LIFE_MS_MAX = 7 * DAY_MS;

/**
 * Layouts of certificates that are kept. Two are in use at a time, because half of all serial numbers begin with an octet
 * more; two again, where numbers of certificates grow by an octet; more where names are chosen. @tuning
 */
const MOULDS = 8;

/** What each leaf has of its own. */
interface LeafParts {
  /** SubjectPublicKeyInfo of the holder, DER. */
  readonly spki: Bytes;
  /** 16 random octets. */
  readonly serial: Bytes;
  readonly validity: Validity;
}

export interface LeafBasics extends LeafParts {
  readonly mesh: MeshName;
  /** The intermediate; the signer holds its key. */
  readonly issuer: Certificate;
}

interface NodeParts {
  readonly nodeId: NodeId;
  /** Dense, from 0, never used twice by one issuer. */
  readonly issueIndex: number;
  readonly crlUrl?: string;
}

export interface LeafRequest extends LeafBasics, NodeParts, Grants {}

/** A node's certificate by an issuer that is known. */
export interface NodeLeafRequest extends LeafParts, NodeParts {
  /** Of the key, see {@link keyIdOf}. */
  readonly keyId: Bytes;
  readonly grants: Grants;
}

/** All leaves sign, and nothing else. */
export const SIGNS_ONLY = keyUsage(KEY_USAGE.digitalSignature);
const NODE_USE = encoded(SIGNS_ONLY, extendedKeyUsage(OID.serverAuth, OID.clientAuth, OID.bundleSecurity));

/** A node's certificate (spec 02 section 3): TLS both ways, messages and bundles. DER. */
export async function buildLeaf(request: LeafRequest, signer: Signer): Promise<Bytes> {
  const { mesh, issuer, spki } = request;
  const leaves = new NodeLeaves(mesh, issuer);
  return signStructure(signer, leaves.toSign({ ...request, keyId: keyIdOf(spki), grants: request }, signer.algorithm));
}

export function grantsExtension({ roles, capabilities }: Grants): DerPart {
  if (roles.length > ROLES_MAX || capabilities.length > CAPABILITIES_MAX)
    throw new RangeError(`grants: expected at most ${ROLES_MAX} roles and ${CAPABILITIES_MAX} capabilities`);
  return extension(OID.meshGrants, false, encodeGrants({ roles, capabilities }));
}

/** What certificates of one layout have in common, and the layout. */
interface LeafMould {
  readonly grants: Grants;
  readonly crlUrl: string | undefined;
  readonly algorithm: MessageAlgorithm;
  readonly mould: DerMould;
}

/** Node certificates of one issuer. What they share is laid out once. */
export class NodeLeaves {
  readonly #mesh: MeshName;
  readonly #issuer: Certificate;
  readonly #authorityKeyIdentifier: Bytes;
  readonly #moulds: LeafMould[] = [];
  readonly #slab = new Slab();

  constructor(mesh: MeshName, issuer: Certificate) {
    this.#mesh = mesh;
    this.#issuer = issuer;
    this.#authorityKeyIdentifier = encoded(authorityKeyIdentifier(issuer));
  }

  /** What is signed of one. DER. @param algorithm of the issuer's key. */
  toSign(request: NodeLeafRequest, algorithm: MessageAlgorithm): Bytes {
    const { nodeId, issueIndex, crlUrl, validity, spki, keyId, serial, grants } = request;
    if (validity.lifeMs > LEAF_LIFE_MS_MAX) throw new RangeError('validity: expected a life of at most 7 days');
    const { uri, dns, eid } = nodeNames(this.#mesh, nodeId);
    const { notBefore, notAfter } = datesOf(validity, this.#issuer);
    const own: OwnParts = [
      serialNumber(serial),
      time(notBefore),
      time(notAfter),
      utf8String(nodeId),
      spki,
      keyId,
      uriName(uri),
      dnsName(dns),
      ia5String(eid),
      encodeIssueIndex(issueIndex),
    ];
    for (const kept of this.#moulds)
      if (kept.grants === grants && kept.crlUrl === crlUrl && kept.algorithm === algorithm && kept.mould.fits(own))
        return kept.mould.cast(own, this.#slab);
    const mould = this.#mouldOf(own, grants, crlUrl, algorithm);
    if (this.#moulds.length >= MOULDS) this.#moulds.shift();
    this.#moulds.push({ grants, crlUrl, algorithm, mould });
    return mould.cast(own, this.#slab);
  }

  #mouldOf(own: OwnParts, grants: Grants, crlUrl: string | undefined, algorithm: MessageAlgorithm): DerMould {
    const [serial, notBefore, notAfter, nodeId, spki, keyId, uri, dns, eid, issueIndex] = own;
    const extensions: DerPart[] = [
      NODE_USE,
      subjectKeyIdentifier(keyId),
      this.#authorityKeyIdentifier,
      subjectAltName(uri, dns, bundleEidName(eid)),
      grantsExtension(grants),
      extension(OID.meshIssueIndex, false, issueIndex),
    ];
    if (crlUrl !== undefined) extensions.push(crlDistributionPoint(crlUrl));
    const subject = nameOf([OID.commonName, nodeId]);
    const parts = { issuer: this.#issuer.subject.der, subject, spki, serial, notBefore, notAfter, extensions };
    return new DerMould(certificateOf(parts, algorithm), own);
  }
}

/** What each certificate of a node has of its own, in the order in which it is written. */
type OwnParts = readonly [
  serial: Bytes,
  notBefore: Bytes,
  notAfter: Bytes,
  nodeId: DerPart,
  spki: Bytes,
  keyId: Bytes,
  uri: DerPart,
  dns: DerPart,
  eid: DerPart,
  issueIndex: Bytes,
];
