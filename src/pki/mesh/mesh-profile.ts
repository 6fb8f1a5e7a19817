import { isMeshError, messageOf } from '../../base/errors.ts';
import { readOnly } from '../../codec/der-reader.ts';
import { TAG } from '../../codec/der-tag.ts';
import { OID } from '../../codec/oid.ts';
import { keyAlgorithmOf } from '../../crypto/keys/spki.ts';
import { ADMINISTRATOR_ROLE } from '../../identity/capability.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import { type NodeId, parseNodeId } from '../../identity/node-id.ts';
import { type Certificate } from '../x509/certificate/certificate.ts';
import { KEY_USAGE } from '../x509/certificate/extensions.ts';
import type { GeneralName } from '../x509/name/general-name.ts';
import { type Grants, grantsOf } from './mesh-extensions.ts';
import {
  type AdministratorName,
  administratorUri,
  authorityNames,
  nodeNames,
  parseAdministratorName,
} from './mesh-names.ts';

/**
 * Certificates of a chain: leaf, intermediate, and cross-signed roots of a roll-over. Whoever is admitted may say something,
 * and nodes pass on the chain of who said it: so the frame that carries one has this limit, and the next one, too.
 */
export const MESH_CHAIN_CERTIFICATES_MAX = 4;

/** Largest certificate of a mesh. Ours have 0.8 KiB; the rest is room for extensions and larger signatures. */
export const MESH_CERTIFICATE_BYTES_MAX = 8 * 1024;

/** What the mesh's profile asks of a leaf beyond a valid path; a text says which rule is broken. */
export type ProfileResult<T> =
  | { readonly tag: 'ok'; readonly value: T }
  | { readonly tag: 'broken'; readonly rule: string };

function broken(rule: string): { readonly tag: 'broken'; readonly rule: string } {
  return { tag: 'broken', rule };
}

/** Rules for every certificate of a path: size and the two kinds of key that hardware and browsers of a fleet share. */
export function brokenRuleOf(certificate: Certificate): string | undefined {
  if (certificate.der.length > MESH_CERTIFICATE_BYTES_MAX)
    return `it is longer than ${MESH_CERTIFICATE_BYTES_MAX} bytes`;
  try {
    const algorithm = keyAlgorithmOf(certificate.spki);
    return algorithm === 'P-256' || algorithm === 'Ed25519' ? undefined : `its ${algorithm} key is not used here`;
  } catch (error) {
    if (isMeshError(error)) return messageOf(error);
    throw error;
  }
}

export interface NodeLeaf extends Grants {
  readonly nodeId: NodeId;
}

/** Reads a leaf as a node's. Its URI, DNS name, endpoint id and common name say one node id, and nothing else. */
export function readNodeLeaf(leaf: Certificate, mesh: MeshName): ProfileResult<NodeLeaf> {
  const rule = brokenLeafRule(leaf);
  if (rule !== undefined) return broken(rule);
  const names = leaf.extensions.subjectAltName ?? [];
  const uri = valueOf(names, 'uri');
  const prefix = `spiffe://${mesh}/node/`;
  if (uri === undefined || !uri.startsWith(prefix))
    return broken(`it has not one URI that names a node of mesh ${mesh}`);
  try {
    const nodeId = parseNodeId(uri.slice(prefix.length));
    const expected = nodeNames(mesh, nodeId);
    const isOne = names.length === 3 && valueOf(names, 'dns') === expected.dns && eidOf(names) === expected.eid;
    if (!isOne || !isNamed(leaf, nodeId)) return broken('its names do not agree on one node id of this mesh');
    const grants = grantsOf(leaf);
    return grants === undefined ? broken('it grants nothing') : { tag: 'ok', value: { nodeId, ...grants } };
  } catch (error) {
    if (isMeshError(error)) return broken(messageOf(error));
    throw error;
  }
}

export interface AdministratorLeaf extends Grants {
  readonly name: AdministratorName;
}

/** Whether a leaf is an administrator's of this mesh, by its names; the path is judged by `judgePath`. */
export function readAdministratorLeaf(leaf: Certificate, mesh: MeshName): ProfileResult<AdministratorLeaf> {
  const rule = brokenLeafRule(leaf);
  if (rule !== undefined) return broken(rule);
  const names = leaf.extensions.subjectAltName ?? [];
  const uri = valueOf(names, 'uri') ?? '';
  try {
    const name = parseAdministratorName(uri.slice(uri.lastIndexOf('/') + 1));
    if (names.length !== 1 || uri !== administratorUri(mesh, name) || !isNamed(leaf, name))
      return broken(`it does not name an administrator of mesh ${mesh}`);
    const grants = grantsOf(leaf);
    if (grants === undefined || !grants.roles.includes(ADMINISTRATOR_ROLE))
      return broken('it does not carry the role administrator');
    return { tag: 'ok', value: { name, ...grants } };
  } catch (error) {
    if (isMeshError(error)) return broken(messageOf(error));
    throw error;
  }
}

export interface AuthorityLeaf {
  readonly mesh: MeshName;
}

/** Reads a leaf as the authority's server; the hosts and addresses in it are for tools that know only those. */
export function readAuthorityLeaf(leaf: Certificate, mesh: MeshName): ProfileResult<AuthorityLeaf> {
  const rule = brokenLeafRule(leaf);
  if (rule !== undefined) return broken(rule);
  const names = leaf.extensions.subjectAltName ?? [];
  const { uri, dns } = authorityNames(mesh);
  const isNamedSo = valueOf(names, 'uri') === uri && names.some((name) => name.tag === 'dns' && name.value === dns);
  return isNamedSo && isNamed(leaf, dns)
    ? { tag: 'ok', value: { mesh } }
    : broken(`it does not name the authority of mesh ${mesh}`);
}

function brokenLeafRule({ isCa, extensions }: Certificate): string | undefined {
  if (isCa) return 'it is a CA';
  return extensions.keyUsage === KEY_USAGE.digitalSignature ? undefined : 'its key usage is not digitalSignature alone';
}

/** The only name of this form; `undefined` where there is none or more than one. */
function valueOf(names: readonly GeneralName[], form: 'uri' | 'dns'): string | undefined {
  const found = names.filter((name) => name.tag === form);
  const [only] = found;
  return found.length === 1 && only !== undefined && 'value' in only && typeof only.value === 'string'
    ? only.value
    : undefined;
}

function eidOf(names: readonly GeneralName[]): string | undefined {
  for (const name of names) {
    if (name.tag !== 'other' || name.typeId !== OID.bundleEid) continue;
    return new TextDecoder().decode(readOnly(name.value, (reader) => reader.content(TAG.ia5String)));
  }
  return undefined;
}

function isNamed({ subject }: Certificate, commonName: string): boolean {
  return subject.canonical.length === 1 && subject.commonNames.length === 1 && subject.commonNames[0] === commonName;
}
