import { toHex } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import { DAY_MS, SECOND_MS, type UnixMs, unixMsFromSeconds, unixSeconds } from '../../base/time.ts';
import { capabilitiesOfRoles, parseRole } from '../../identity/capability.ts';
import { branchPath } from '../../identity/delegate/branch.ts';
import { type DelegateKey, isSameKey, openDelegateKey } from '../../identity/delegate/delegate-key.ts';
import { type DelegateStatement, isSignedByBranch } from '../../identity/delegate/delegations.ts';
import { isScopeWithin, rolesOf, type Scope } from '../../identity/delegate/scope.ts';
import {
  assembleStatement,
  composeStatement,
  DELEGATE_LIFE_MS_MAX,
  parseTreeStatement,
  STATEMENT_ID_BYTES,
  type TreeStatement,
} from '../../identity/delegate/statement.ts';
import { parseNodeId } from '../../identity/node-id.ts';
import type { BranchRow, DelegateRow, WalletRow } from '../../ports/authority/delegates.ts';
import type { AuthorityTransaction } from '../../ports/authority-store.ts';
import { appendAudit } from '../audit-trail.ts';
import { branchOfRow, currentBranch, floorOf, requireTree, takeIndex, tooWide } from './branches.ts';
import { BACKDATE_MS } from '../../pki/x509/certificate/certificate-build.ts';
import type { AuthorityCore } from '../core.ts';

/** Statements in one answer; newest first. */
export const DELEGATES_LISTED_MAX = 10_000;

/** Life of a delegate where nobody says another. */
export const DELEGATE_LIFE_MS_DEFAULT = 7 * DAY_MS;

export interface DelegateWish {
  readonly nodeId: string;
  readonly key: DelegateKey;
  readonly scope: Scope;
  readonly lifeMs: number;
}

export type DelegateStatus = 'active' | 'revoked' | 'expired' | 'void';

/** What became of a delegate. `void`: its epoch lies below the floor. */
export function delegateStatusOf(
  statement: DelegateStatement,
  revokedAt: UnixMs | undefined,
  epochFloor: number,
  now: UnixMs,
): DelegateStatus {
  if (revokedAt !== undefined) return 'revoked';
  if (statement.notAfter <= now) return 'expired';
  return statement.tag === 'tree' && statement.epoch < epochFloor ? 'void' : 'active';
}

/** What the operator sees of all that lets somebody speak besides certificates. */
export interface DelegatesOverview {
  readonly epochFloor: number;
  readonly branches: readonly BranchRow[];
  readonly delegates: readonly DelegateRow[];
  readonly wallets: readonly WalletRow[];
}

/**
 * Has a child of the current branch vouch for a device's own key, and answers when the branch is published.
 *
 * @throws ERR_DELEGATE_UNKNOWN for a node that was never enrolled; ERR_DELEGATE_REVOKED; ERR_DELEGATE_SCOPE for more than
 *   the node's own certificate permits; ERR_DELEGATE_LIFETIME, ERR_DELEGATE_KEY; ERR_CLOCK_JUMPED.
 */
export async function issueDelegate(core: AuthorityCore, wish: DelegateWish, actor: string): Promise<TreeStatement> {
  const now = core.clock.now();
  core.clockGuard.check(now);
  openDelegateKey(wish.key);
  if (!(wish.lifeMs >= SECOND_MS && wish.lifeMs <= DELEGATE_LIFE_MS_MAX))
    throw new MeshError('ERR_DELEGATE_LIFETIME', `life of ${wish.lifeMs / SECOND_MS} s`);
  const nodeId = parseNodeId(wish.nodeId);
  const holder = await core.store.transact((tx) => requirePermitted(core, tx, nodeId, wish.scope));
  const issuedAt = unixMsFromSeconds(unixSeconds(now.wall));
  const notAfter = (issuedAt + wish.lifeMs) as UnixMs;
  const { branch, isNew } = await currentBranch(core, notAfter);
  const branches = (await core.store.transact((tx) => tx.listBranches())).map(branchOfRow);
  if (
    branches.some(({ key }) =>
      isSameKey(wish.key, { curve: 'secp256k1', bytes: key.publicKey, chainCode: key.chainCode }),
    )
  )
    throw new MeshError('ERR_DELEGATE_KEY', 'the subtree is a branch itself, whose children vouch for devices');
  const index = await takeIndex(core);
  const composed = composeStatement(core.issuer.mesh, {
    id: `5${toHex(core.random.bytes(STATEMENT_ID_BYTES)).slice(1)}`,
    epoch: branch.epoch,
    index,
    nodeId,
    key: wish.key,
    scope: wish.scope,
    notBefore: Math.max(issuedAt - BACKDATE_MS, branch.notBefore, notAfter - DELEGATE_LIFE_MS_MAX) as UnixMs,
    notAfter,
  });
  const path = [...branchPath(core.issuer.mesh, branch.epoch), index];
  const signature = await requireTree(core).sign(path, composed.toBeSigned);
  const statement = parseTreeStatement(core.issuer.mesh, assembleStatement(composed, signature));
  if (!isSignedByBranch(statement, branch))
    throw new MeshError(
      'ERR_DELEGATE_BRANCH',
      `the master key is not the one of which the branch of epoch ${branch.epoch} was published`,
      `put that one back, or begin a new epoch: chainmail delegate revoke --dir DIR --below-epoch ${branch.epoch + 1}`,
    );
  await core.store.transact(async (tx) => {
    // It may have been revoked meanwhile, or its name may be another's: that one has not asked for this device.
    if ((await requirePermitted(core, tx, nodeId, wish.scope)) !== holder)
      throw new MeshError('ERR_DELEGATE_REVOKED', `node ${nodeId} has gone to another key`);
    await tx.putDelegate(rowOf(statement, undefined));
    await tx.setMeta('last-signed-at', String(now.wall));
    await appendAudit(tx, {
      at: now.wall,
      actor,
      action: 'delegate-issued',
      subject: nodeId,
      detail: { id: statement.id, epoch: String(branch.epoch), index: String(index), scope: wish.scope.join(' ') },
    });
  });
  core.clockGuard.noteSigned(now);
  if (isNew) await core.crls.publishNow();
  return statement;
}

/**
 * Voids statements: one, or everything below an epoch. Answers with the number of the list that says so.
 * @throws ERR_DELEGATE_UNKNOWN, ERR_DELEGATE_EPOCH
 */
export async function revokeDelegate(core: AuthorityCore, id: string, actor: string): Promise<number> {
  const at = core.clock.wall();
  await core.store.transact(async (tx) => {
    const row = await tx.findDelegate(id.toLowerCase());
    if (row === undefined)
      throw new MeshError(
        'ERR_DELEGATE_UNKNOWN',
        `no delegate ${quoted(id)}`,
        'see: chainmail delegate show --dir DIR',
      );
    if (row.revokedAt !== undefined) return;
    await tx.putDelegate({ ...row, revokedAt: at });
    await appendAudit(tx, { at, actor, action: 'delegate-revoked', subject: row.nodeId, detail: { id: row.id } });
  });
  return (await core.crls.publishNow()).number;
}

/**
 * As {@link revokeDelegate}, for a statement that this store may never have seen: a wallet made it, or it was issued after
 * the backup that was put back. It must be genuine: a statement with the id of a certificate, of whoever's making, would
 * have that certificate revoked.
 *
 * @throws ERR_DELEGATE_BRANCH, ERR_DELEGATE_SIGNATURE for one of the tree that this authority has not signed.
 */
export async function revokeStatement(
  core: AuthorityCore,
  statement: DelegateStatement,
  actor: string,
): Promise<number> {
  await core.store.transact(async (tx) => {
    if (statement.tag === 'tree') await requireGenuine(tx, statement);
    if ((await tx.findDelegate(statement.id)) === undefined) await tx.putDelegate(rowOf(statement, undefined));
  });
  return revokeDelegate(core, statement.id, actor);
}

async function requireGenuine(tx: AuthorityTransaction, statement: TreeStatement): Promise<void> {
  const row = (await tx.listBranches()).find(({ epoch }) => epoch === statement.epoch);
  if (row === undefined)
    throw new MeshError(
      'ERR_DELEGATE_BRANCH',
      `no branch of epoch ${statement.epoch} was published here, so nobody believes delegate ${statement.id}`,
    );
  if (!isSignedByBranch(statement, branchOfRow(row)))
    throw new MeshError('ERR_DELEGATE_SIGNATURE', `this authority has not signed delegate ${statement.id}`);
}

/** Every statement of an epoch below this one is void from now on. See {@link revokeDelegate}. */
export async function revokeBelowEpoch(core: AuthorityCore, epoch: number, actor: string): Promise<number> {
  const at = core.clock.wall();
  await core.store.transact(async (tx) => {
    const floor = await floorOf(tx);
    if (epoch <= floor)
      throw new MeshError('ERR_DELEGATE_EPOCH', `epoch ${epoch}: everything below ${floor} is void already`);
    const newest = (await tx.listBranches()).at(-1)?.epoch ?? 0;
    if (epoch > newest + 1)
      throw new MeshError('ERR_DELEGATE_EPOCH', `epoch ${epoch}, expected at most ${newest + 1}, the one to come`);
    await tx.setMeta('delegate-epoch-floor', String(epoch));
    await appendAudit(tx, {
      at,
      actor,
      action: 'delegate-epoch-raised',
      subject: core.issuer.mesh,
      detail: { epoch: String(epoch) },
    });
  });
  return (await core.crls.publishNow()).number;
}

export async function listDelegates(core: AuthorityCore): Promise<DelegatesOverview> {
  return core.store.transact(async (tx) => ({
    epochFloor: await floorOf(tx),
    branches: await tx.listBranches(),
    delegates: await tx.listDelegates(DELEGATES_LISTED_MAX),
    wallets: await tx.listWallets(),
  }));
}

/** Voids the statements of a node that is revoked, or whose name is another's now. @returns their ids: those that the list must have. */
export async function revokeDelegatesOf(
  tx: AuthorityTransaction,
  nodeId: string,
  at: UnixMs,
): Promise<readonly string[]> {
  const rows = await tx.delegatesOf(nodeId);
  for (const row of rows) if (row.revokedAt === undefined) await tx.putDelegate({ ...row, revokedAt: at });
  return rows.map(({ id }) => id);
}

/**
 * @returns whose the name is: the hash of the key that it is bound to.
 * @throws ERR_DELEGATE_... for a node that is not one of ours any more, or may not do this itself.
 */
async function requirePermitted(
  { policy }: AuthorityCore,
  tx: AuthorityTransaction,
  nodeId: string,
  scope: Scope,
): Promise<string> {
  const node = await tx.findNode(nodeId);
  const [newest] = await tx.certificatesOf('node', nodeId);
  if (node === undefined || newest === undefined)
    throw new MeshError(
      'ERR_DELEGATE_UNKNOWN',
      `node ${quoted(nodeId)} was never enrolled here`,
      'see: chainmail nodes',
    );
  if (node.revokedAt !== undefined || newest.revokedAt !== undefined)
    throw new MeshError('ERR_DELEGATE_REVOKED', `node ${nodeId} is revoked`);
  const lacked = rolesOf(scope).find((role) => !newest.roles.includes(role));
  if (lacked !== undefined)
    throw new MeshError('ERR_DELEGATE_SCOPE', `node ${nodeId} does not have the role ${lacked}`);
  const ownRole = rolesOf(scope).find((role) => policy.ownRoles.has(role));
  if (ownRole !== undefined)
    throw new MeshError(
      'ERR_DELEGATE_SCOPE',
      `what the role ${ownRole} of this mesh grants, nodes cannot tell from a statement`,
      `say it: --scope ${policy.ownRoles.get(ownRole)?.join(' --scope ')}`,
    );
  const own = capabilitiesOfRoles(newest.roles.map(parseRole), policy.ownRoles);
  if (!isScopeWithin(scope, own)) throw tooWide(scope, `node ${nodeId}`);
  if (!isScopeWithin(scope, policy.delegateScope)) throw tooWide(scope, 'a delegate of this mesh');
  return node.identitySpkiHash;
}

function rowOf(statement: DelegateStatement, revokedAt: UnixMs | undefined): DelegateRow {
  const { id, nodeId, bytes, notAfter } = statement;
  return { id, nodeId, statement: bytes, notAfter, revokedAt };
}
