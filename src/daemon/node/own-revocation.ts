import type { Bytes } from '../../base/bytes.ts';
import { isMeshError, MeshError } from '../../base/errors.ts';
import { toRfc3339 } from '../../base/time.ts';
import { checkX509Signature } from '../../crypto/signatures/x509-signature.ts';
import { fetchCrl } from '../../host/http/fetch-crl.ts';
import { parseCrl } from '../../pki/x509/crl/crl.ts';
import { authorityNames } from '../../pki/mesh/mesh-names.ts';
import type { Revocation } from '../../pki/x509/crl/revocation-reason.ts';
import { RevocationView } from '../../pki/mesh/revocation-view.ts';
import type { EnrolledNode } from './enrolled-node.ts';
import { hasNodeStore, openNodeStore } from './store.ts';

/** What an operator does for a node that was revoked: there is no way back for its key. */
export const REVOKED_HINT =
  'it does not come back: enrol with a new ticket in another directory: chainmail node enroll --dir NEW --ticket FILE';

/** How long the authority may take to give its list. */
export const LIST_MS_MAX = 5_000;

/**
 * Whether a node's certificate is revoked, after the list that its authority gives now.
 * @throws ERR_UNREACHABLE; ERR_REMOTE where what came is no list of this mesh.
 */
export async function revocationByAuthority(node: EnrolledNode): Promise<Revocation | undefined> {
  const authority = { tag: 'tls', trustAnchors: [node.rootPem], serverName: authorityNames(node.mesh).dns } as const;
  return revocationIn(node, [await fetchCrl(authority, node.config.crl_url, { timeoutMs: LIST_MS_MAX })]);
}

/**
 * Whether it is revoked as far as the node itself has heard. The caller holds the directory's lock.
 * @throws ERR_STATE_...
 */
export async function revocationAsHeard(node: EnrolledNode): Promise<Revocation | undefined> {
  if (!(await hasNodeStore(node))) return undefined; // it never ran
  const store = await openNodeStore(node);
  try {
    return revocationIn(node, store.load().crls);
  } finally {
    await store.close();
  }
}

/**
 * Refuses a node that was revoked, as its authority says, or where that is away as the node has heard. The caller holds
 * the directory's lock.
 * @throws ERR_ENROLL_REVOKED
 */
export async function requireNotRevoked(node: EnrolledNode): Promise<void> {
  let revocation: Revocation | undefined;
  try {
    revocation = await revocationByAuthority(node);
  } catch (error) {
    if (!isMeshError(error)) throw error; // else it is away, or has no time
    revocation = await revocationAsHeard(node);
  }
  if (revocation !== undefined)
    throw new MeshError(
      'ERR_ENROLL_REVOKED',
      `node ${node.nodeId} was ${describeRevocation(revocation)}`,
      REVOKED_HINT,
    );
}

/** For people: when, and why. */
export function describeRevocation({ revokedAt, reason }: Revocation): string {
  return `revoked at ${toRfc3339(revokedAt)}, reason ${reason}`;
}

/** Lists that the node's own issuer did not sign say nothing of it. */
function revocationIn({ chain, leaf }: EnrolledNode, lists: readonly Bytes[]): Revocation | undefined {
  const [, issuer] = chain;
  if (issuer === undefined) return undefined;
  const view = new RevocationView();
  for (const der of lists) view.install(parseCrl(der), issuer, checkX509Signature);
  return view.statusOf(issuer.keyHash, leaf.serial);
}
