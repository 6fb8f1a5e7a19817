import { toRfc3339, type UnixMs } from '../../base/time.ts';
import { OID } from '../../codec/oid.ts';
import type { CheckX509Signature } from '../../crypto/signatures/x509-signature.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';
import {
  type AdministratorLeaf,
  type AuthorityLeaf,
  brokenRuleOf,
  type NodeLeaf,
  type ProfileResult,
  readAdministratorLeaf,
  readAuthorityLeaf,
  readNodeLeaf,
  MESH_CHAIN_CERTIFICATES_MAX,
} from './mesh-profile.ts';
import { validatePath } from '../path/path.ts';
import { describe, type PathRefusal, refusal } from '../path/path-result.ts';
import type { CheckRevocation } from '../path/path-rules.ts';
import { isVoidedBy } from '../x509/crl/revocation-reason.ts';
import type { RevocationView } from './revocation-view.ts';

/** Intermediates between leaf and anchor: one issuing CA, and two cross-signed roots. */
export const MESH_INTERMEDIATES_MAX = 3;

/** For what a node's chain is judged. */
export type NodePurpose = 'tls-server' | 'tls-client' | 'message';

/** Whom a mesh believes, and how signatures are checked (the simulator remembers answers). */
export interface Trust {
  readonly mesh: MeshName;
  /** Roots, old and new in a roll-over. */
  readonly anchors: readonly Certificate[];
  readonly checkSignature: CheckX509Signature;
}

/** What every accepted chain tells. */
interface Accepted {
  readonly tag: 'ok';
  readonly leaf: Certificate;
  /** When the first certificate of the path expires. */
  readonly notAfter: UnixMs;
  /** {@link Certificate.keyHash} of the leaf's issuer: with `leaf.serial`, what a revocation speaks of. */
  readonly issuerKeyHash: string;
}

/** `nodeId`, `roles` and `capabilities`; what is not in `capabilities` the node may not do, whatever its roles. */
export type AcceptedNode = Accepted & NodeLeaf;
export type AcceptedAdministrator = Accepted & AdministratorLeaf;
export type AcceptedAuthority = Accepted & AuthorityLeaf;

export type PathJudgement = AcceptedNode | PathRefusal;
export type AdministratorJudgement = AcceptedAdministrator | PathRefusal;
export type AuthorityJudgement = AcceptedAuthority | PathRefusal;

/**
 * Whether a chain may speak, as whom, and what it is permitted (spec 02 section 5). The one judgement that TLS, HTTP,
 * messages and the simulator share. Pure.
 *
 * The identity is that of `chain[0]` alone, whatever else the chain carries (T14): the caller has seen its key proved, by
 * a handshake or a signature. Under it lies {@link validatePath}; on top come the rules of this mesh's profile.
 *
 * A revocation counts whatever `at` is. For messages, what was signed before a certificate was superseded or its holder
 * ceased operation still passes; a link is of now, so it does not.
 *
 * @param chain Leaf first, then issuers in any order; the anchor may be left out.
 * @param at Now for TLS and HTTP, the signing time for messages.
 */
export function judgePath(
  chain: readonly Certificate[],
  revocation: Pick<RevocationView, 'statusOf'>,
  at: UnixMs,
  purpose: NodePurpose,
  trust: Trust,
): PathJudgement;
export function judgePath(
  chain: readonly Certificate[],
  revocation: Pick<RevocationView, 'statusOf'>,
  at: UnixMs,
  purpose: 'administrator',
  trust: Trust,
): AdministratorJudgement;
export function judgePath(
  chain: readonly Certificate[],
  revocation: Pick<RevocationView, 'statusOf'>,
  at: UnixMs,
  purpose: 'authority',
  trust: Trust,
): AuthorityJudgement;
export function judgePath(
  chain: readonly Certificate[],
  revocation: Pick<RevocationView, 'statusOf'>,
  at: UnixMs,
  purpose: Purpose,
  trust: Trust,
): PathJudgement | AdministratorJudgement | AuthorityJudgement {
  const [leaf, ...others] = chain;
  if (leaf === undefined) return refusal('ERR_PATH_EMPTY', 'no certificate was presented', 0);
  // Cheap shape first: nothing below runs on more than a mesh would send.
  if (chain.length > MESH_CHAIN_CERTIFICATES_MAX)
    return refusal(
      'ERR_PATH_LIMIT',
      `chain of more than ${MESH_CHAIN_CERTIFICATES_MAX} certificates`,
      MESH_CHAIN_CERTIFICATES_MAX,
    );
  for (const [depth, certificate] of chain.entries()) {
    const rule = brokenRuleOf(certificate);
    if (rule !== undefined) return refusal('ERR_PATH_PROFILE', `${describe(certificate)}: ${rule}`, depth);
  }
  // A second leaf in a chain is there to be taken for the first (T14).
  const second = others.findIndex((certificate) => !certificate.isCa);
  if (second >= 0)
    return refusal('ERR_PATH_PROFILE', 'chain carries a certificate behind the leaf that is no CA', second + 1);

  // Who it claims to be, in this mesh; a few string comparisons before any signature.
  const profile = READERS[purpose](leaf, trust.mesh);
  if (profile.tag === 'broken') return refusal('ERR_PATH_PROFILE', `${describe(leaf)}: ${profile.rule}`, 0);
  // The extension must be there and name the use: anyExtendedKeyUsage or silence is enough for RFC 5280, not for a mesh.
  const usage = USAGES[purpose];
  if (leaf.extensions.extendedKeyUsage?.includes(usage) !== true)
    return refusal('ERR_PATH_USAGE', `${describe(leaf)} may not be used for ${purpose}`, 0);

  const result = validatePath({
    leaf,
    untrusted: others,
    anchors: trust.anchors,
    checkSignature: trust.checkSignature,
    intermediatesMax: MESH_INTERMEDIATES_MAX,
    at,
    extendedKeyUsages: [usage],
    checkRevocation: revocationFromView(revocation, at, purpose),
  });
  if (result.tag === 'refused') return result;
  const { path } = result;
  const accepted: Accepted = {
    tag: 'ok',
    leaf,
    notAfter: path.reduce((first, { notAfter }) => (notAfter < first ? notAfter : first), leaf.notAfter),
    issuerKeyHash: (path[1] ?? leaf).keyHash,
  };
  return { ...accepted, ...profile.value };
}

type Purpose = NodePurpose | 'administrator' | 'authority';

const USAGES: Readonly<Record<Purpose, string>> = {
  'tls-server': OID.serverAuth,
  'tls-client': OID.clientAuth,
  message: OID.bundleSecurity,
  administrator: OID.clientAuth,
  authority: OID.serverAuth,
};

type LeafReader = (leaf: Certificate, mesh: MeshName) => ProfileResult<NodeLeaf | AdministratorLeaf | AuthorityLeaf>;

const READERS: Readonly<Record<Purpose, LeafReader>> = {
  'tls-server': readNodeLeaf,
  'tls-client': readNodeLeaf,
  message: readNodeLeaf,
  administrator: readAdministratorLeaf,
  authority: readAuthorityLeaf,
};

function revocationFromView(view: Pick<RevocationView, 'statusOf'>, at: UnixMs, purpose: Purpose): CheckRevocation {
  return (certificate, issuer, depth) => {
    const revocation = view.statusOf(issuer.keyHash, certificate.serial);
    if (revocation === undefined || (purpose === 'message' && !isVoidedBy(revocation, at))) return undefined;
    return refusal(
      'ERR_PATH_REVOKED',
      `${describe(certificate)} was revoked at ${toRfc3339(revocation.revokedAt)} (${revocation.reason})`,
      depth,
    );
  };
}
