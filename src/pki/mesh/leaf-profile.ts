import type { Bytes } from '../../base/bytes.ts';
import { DAY_MS } from '../../base/time.ts';
import { type DerPart, encoded } from '../../codec/der-writer.ts';
import { OID } from '../../codec/oid.ts';
import type { MessageAlgorithm } from '../../crypto/public-key.ts';
import type { Signer } from '../../crypto/signer.ts';
import { ADMINISTRATOR_ROLE, CAPABILITIES_MAX, ROLES_MAX, type Role } from '../../identity/capability.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Certificate } from '../x509/certificate.ts';
import {
  authorityKeyIdentifier,
  bundleEidName,
  certificateToSign,
  crlDistributionPoint,
  datesOf,
  dnsName,
  extendedKeyUsage,
  extension,
  ipName,
  keyUsage,
  nameOf,
  subjectAltName,
  subjectKeyIdentifier,
  uriName,
  type Validity,
} from '../x509/certificate-build.ts';
import { isDnsName } from '../x509/dns-name.ts';
import { KEY_USAGE } from '../x509/extensions.ts';
import { parseIpAddress } from '../x509/ip-address.ts';
import { encodeGrants, encodeIssueIndex, type Grants } from './mesh-extensions.ts';
import { type AdministratorName, administratorUri, authorityNames, nodeNames } from './mesh-names.ts';
import { signStructure } from '../x509/sign-structure.ts';

/** Longest life of a node's certificate; revocations are kept so much longer than it. */
export const LEAF_LIFE_MS_MAX = 7 * DAY_MS;

/** What each leaf has of its own. */
interface LeafParts {
  /** SubjectPublicKeyInfo of the holder, DER. */
  readonly spki: Bytes;
  /** 16 random octets. */
  readonly serial: Bytes;
  readonly validity: Validity;
}

interface LeafBasics extends LeafParts {
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
  readonly grants: Grants;
}

export interface ServerLeafRequest extends LeafBasics {
  /** Host names and IP addresses at which the authority listens. */
  readonly hosts: readonly string[];
}

export interface AdministratorLeafRequest extends LeafBasics {
  readonly name: AdministratorName;
  /** Beside `administrator`, which is always among them. */
  readonly roles?: readonly Role[];
}

const SIGNS_ONLY = keyUsage(KEY_USAGE.digitalSignature);
const NODE_USE = encoded(SIGNS_ONLY, extendedKeyUsage(OID.serverAuth, OID.clientAuth, OID.bundleSecurity));
const SERVER_USAGES = extendedKeyUsage(OID.serverAuth);
const ADMINISTRATOR_USAGES = extendedKeyUsage(OID.clientAuth);

/** A node's certificate (spec 02 section 3): TLS both ways, messages and bundles. DER. */
export async function buildLeaf(request: LeafRequest, signer: Signer): Promise<Bytes> {
  const { mesh, issuer } = request;
  const toSign = new NodeLeaves(mesh, issuer).toSign({ ...request, grants: request }, signer.algorithm);
  return signStructure(signer, toSign);
}

/** Node certificates of one issuer. What they share is encoded once. */
export class NodeLeaves {
  readonly #mesh: MeshName;
  readonly #issuer: Certificate;
  readonly #authorityKeyIdentifier: Bytes;
  /** What the last certificate granted: a fleet that is set up has one ticket. */
  #lastGrants: { readonly grants: Grants; readonly extension: Bytes } | undefined;

  constructor(mesh: MeshName, issuer: Certificate) {
    this.#mesh = mesh;
    this.#issuer = issuer;
    this.#authorityKeyIdentifier = encoded(authorityKeyIdentifier(issuer));
  }

  /** What is signed of one. DER. @param algorithm of the issuer's key. */
  toSign(request: NodeLeafRequest, algorithm: MessageAlgorithm): Bytes {
    const { nodeId, issueIndex, crlUrl, validity, spki, serial, grants } = request;
    if (validity.lifeMs > LEAF_LIFE_MS_MAX) throw new RangeError('validity: expected a life of at most 7 days');
    const { uri, dns, eid } = nodeNames(this.#mesh, nodeId);
    const extensions: DerPart[] = [
      NODE_USE,
      subjectKeyIdentifier(spki),
      this.#authorityKeyIdentifier,
      subjectAltName(uriName(uri), dnsName(dns), bundleEidName(eid)),
      this.#grantsExtension(grants),
      extension(OID.meshIssueIndex, false, encodeIssueIndex(issueIndex)),
    ];
    if (crlUrl !== undefined) extensions.push(crlDistributionPoint(crlUrl));
    return leafToSign(this.#issuer, { spki, serial, validity }, nodeId, extensions, algorithm);
  }

  #grantsExtension(grants: Grants): Bytes {
    if (this.#lastGrants?.grants !== grants) this.#lastGrants = { grants, extension: encoded(grantsExtension(grants)) };
    return this.#lastGrants.extension;
  }
}

/**
 * The authority's own server certificate: `authority.MESH` and each host and address that it listens on, so that
 * `curl --cacert root.pem` accepts it by all of them. Grants nothing. DER.
 *
 * @throws RangeError for a host that is neither, or that the issuer's name constraints do not permit: it has to be named
 *   when the issuer is made.
 */
export async function buildServerLeaf(request: ServerLeafRequest, signer: Signer): Promise<Bytes> {
  const { mesh, hosts, issuer } = request;
  const { uri, dns } = authorityNames(mesh);
  const names = new Map([[dns, dnsName(dns)]]);
  for (const host of hosts.map((text) => text.toLowerCase())) {
    const octets = parseIpAddress(host);
    if (octets === undefined && !isPermittedHost(host, issuer))
      throw new RangeError(
        `hosts: ${JSON.stringify(host.slice(0, 80))} is no address, and no name that the issuer may certify`,
      );
    names.set(host, octets === undefined ? dnsName(host) : ipName(octets));
  }
  return signLeaf(request, signer, dns, SERVER_USAGES, [subjectAltName(uriName(uri), ...names.values())]);
}

/** An administrator's client certificate: TLS client only, no DNS name, no node's URI. DER. */
export async function buildAdministratorLeaf(request: AdministratorLeafRequest, signer: Signer): Promise<Bytes> {
  const { mesh, name, roles = [] } = request;
  return signLeaf(request, signer, name, ADMINISTRATOR_USAGES, [
    subjectAltName(uriName(administratorUri(mesh, name))),
    grantsExtension({ roles: [...new Set([ADMINISTRATOR_ROLE, ...roles])], capabilities: [] }),
  ]);
}

function signLeaf(
  basics: LeafBasics,
  signer: Signer,
  commonName: string,
  usages: DerPart,
  own: readonly DerPart[],
): Promise<Bytes> {
  const { issuer, spki } = basics;
  const extensions = [SIGNS_ONLY, usages, subjectKeyIdentifier(spki), authorityKeyIdentifier(issuer), ...own];
  return signStructure(signer, leafToSign(issuer, basics, commonName, extensions, signer.algorithm));
}

function leafToSign(
  issuer: Certificate,
  { spki, serial, validity }: LeafParts,
  commonName: string,
  extensions: readonly DerPart[],
  algorithm: MessageAlgorithm,
): Bytes {
  const subject = nameOf([OID.commonName, commonName]);
  const dates = datesOf(validity, issuer);
  return certificateToSign({ issuer: issuer.subject.der, subject, spki, serial, ...dates, extensions }, algorithm);
}

function grantsExtension({ roles, capabilities }: Grants): DerPart {
  if (roles.length > ROLES_MAX || capabilities.length > CAPABILITIES_MAX)
    throw new RangeError(`grants: expected at most ${ROLES_MAX} roles and ${CAPABILITIES_MAX} capabilities`);
  return extension(OID.meshGrants, false, encodeGrants({ roles, capabilities }));
}

function isPermittedHost(host: string, { extensions }: Certificate): boolean {
  const permitted = extensions.nameConstraints?.permitted ?? [];
  return (
    isDnsName(host) &&
    permitted.some((base) => base.tag === 'dns' && (host === base.value || host.endsWith(`.${base.value}`)))
  );
}
