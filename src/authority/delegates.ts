import { fromHex, toHex } from '../base/bytes.ts';
import { MeshError, quoted } from '../base/errors.ts';
import { SECOND_MS, toRfc3339, type UnixMs, unixMsFromSeconds, unixSeconds } from '../base/time.ts';
import { WALLET_ADDRESS_BYTES } from '../crypto/wallet-address.ts';
import { capabilitiesOfRoles, parseRole } from '../identity/capability.ts';
import { BRANCH_LIFE_MS_MAX, type Branch, branchPath, EPOCH_MAX } from '../identity/delegate/branch.ts';
import { type DelegateKey, openDelegateKey } from '../identity/delegate/delegate-key.ts';
import {
  BRANCHES_MAX,
  type Delegations,
  type DelegateStatement,
  isSignedByBranch,
  WALLETS_MAX,
} from '../identity/delegate/delegations.ts';
import { isWithin, type Scope, scopeOf } from '../identity/delegate/scope.ts';
import {
  assembleStatement,
  composeStatement,
  DELEGATE_LIFE_MS_MAX,
  parseTreeStatement,
  STATEMENT_ID_BYTES,
  type TreeStatement,
} from '../identity/delegate/statement.ts';
import { ExtendedPublicKey } from '../identity/key-tree/extended-key.ts';
import { formatXpub, parseExtendedKey } from '../identity/key-tree/extended-key-text.ts';
import { parseNodeId } from '../identity/node-id.ts';
import type { AuthorityTransaction, BranchRow, DelegateRow, WalletRow } from '../ports/authority-store.ts';
import { appendAudit } from './audit-trail.ts';
import type { AuthorityCore } from './core.ts';

/** What branches permit at most: a key of the tree that was found cannot vouch for more. */
export const BRANCH_SCOPE: Scope = scopeOf(['command:issue', 'publish:indicator', 'publish:sensor/*', 'relay']);

/** Statements in one answer; newest first. */
const DELEGATES_LISTED_MAX = 10_000;

/** Backdated like a certificate, for clocks that are behind. */
const BACKDATE_MS = 600 * SECOND_MS;

export interface DelegateWish {
  readonly nodeId: string;
  readonly key: DelegateKey;
  readonly scope: Scope;
  readonly lifeMs: number;
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
  await core.store.transact((tx) => requirePermitted(tx, nodeId, wish.scope));
  const issuedAt = unixMsFromSeconds(unixSeconds(now.wall));
  const notAfter = (issuedAt + wish.lifeMs) as UnixMs;
  const { branch, isNew } = await currentBranch(core, notAfter);
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
  if (!isSignedByBranch(statement, branch)) throw new MeshError('ERR_INTERNAL', 'the key tree signed with another key');
  await core.store.transact(async (tx) => {
    await requirePermitted(tx, nodeId, wish.scope); // it may have been revoked meanwhile
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

/** As {@link revokeDelegate}, for a statement of a wallet: this authority has not made it, and may never have seen it. */
export async function revokeStatement(
  core: AuthorityCore,
  statement: DelegateStatement,
  actor: string,
): Promise<number> {
  await core.store.transact(async (tx) => {
    if ((await tx.findDelegate(statement.id)) === undefined) await tx.putDelegate(rowOf(statement, undefined));
  });
  return revokeDelegate(core, statement.id, actor);
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

/**
 * Lets a wallet's delegates speak in this mesh until then, or no longer (`lifeMs` 0). Answers with the list's number.
 * @throws ERR_DELEGATE_SCOPE for more than {@link BRANCH_SCOPE}, and for too many wallets.
 */
export async function grantWallet(
  core: AuthorityCore,
  wish: { readonly address: string; readonly scope: Scope; readonly lifeMs: number },
  actor: string,
): Promise<number> {
  const at = core.clock.wall();
  const address = wish.address.replace(/^0x/i, '').toLowerCase();
  if (fromHex(address).length !== WALLET_ADDRESS_BYTES)
    throw new MeshError(
      'ERR_INPUT',
      `${quoted(wish.address)} is no address of a wallet: expected 0x and 40 hex digits`,
    );
  if (!isWithin(wish.scope, BRANCH_SCOPE)) throw tooWide(wish.scope, 'a delegate of this mesh');
  const notAfter = unixMsFromSeconds(unixSeconds((at + wish.lifeMs) as UnixMs));
  await core.store.transact(async (tx) => {
    const others = (await tx.listWallets()).filter((row) => row.notAfter > at && row.address !== address);
    if (others.length >= WALLETS_MAX)
      throw new MeshError('ERR_DELEGATE_SCOPE', `${WALLETS_MAX} wallets may speak already`);
    await tx.putWallet({ address, scope: wish.scope, notAfter });
    await appendAudit(tx, {
      at,
      actor,
      action: wish.lifeMs > 0 ? 'wallet-granted' : 'wallet-revoked',
      subject: `0x${address}`,
      detail: { scope: wish.scope.join(' '), until: toRfc3339(notAfter) },
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

/** Voids the statements of a node that is revoked. @returns their ids: those that the list must have. */
export async function revokeDelegatesOf(
  tx: AuthorityTransaction,
  nodeId: string,
  at: UnixMs,
): Promise<readonly string[]> {
  const rows = await tx.delegatesOf(nodeId);
  for (const row of rows) if (row.revokedAt === undefined) await tx.putDelegate({ ...row, revokedAt: at });
  return rows.map(({ id }) => id);
}

/** What goes into the next list; `undefined` where nothing was ever delegated. */
export async function delegationsOf(tx: AuthorityTransaction, at: UnixMs): Promise<Delegations | undefined> {
  const epochFloor = await floorOf(tx);
  const rows = (await tx.listBranches()).filter((row) => row.epoch >= epochFloor && row.notAfter > at);
  const wallets = (await tx.listWallets())
    .filter((row) => row.notAfter > at)
    .map(({ address, scope, notAfter }) => ({ address: fromHex(address), scope: scopeOf(scope), notAfter }));
  if (epochFloor === 0 && rows.length === 0 && wallets.length === 0) return undefined;
  return { epochFloor, branches: rows.slice(-BRANCHES_MAX).map(branchOfRow), wallets };
}

/** @throws ERR_DELEGATE_... for a node that is not one of ours any more, or may not do this itself. */
async function requirePermitted(tx: AuthorityTransaction, nodeId: string, scope: Scope): Promise<void> {
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
  const own = capabilitiesOfRoles(newest.roles.map(parseRole));
  if (!isWithin(scope, own)) throw tooWide(scope, `node ${nodeId}`);
  if (!isWithin(scope, BRANCH_SCOPE)) throw tooWide(scope, 'a delegate of this mesh');
}

/** The branch of the current epoch; a new one where there is none, or where it ends before the statement. */
async function currentBranch(
  core: AuthorityCore,
  notAfter: UnixMs,
): Promise<{ readonly branch: Branch; readonly isNew: boolean }> {
  const at = core.clock.wall();
  const known = await core.store.transact(async (tx) => ({
    floor: await floorOf(tx),
    newest: (await tx.listBranches()).at(-1),
  }));
  const { newest } = known;
  if (newest !== undefined && newest.epoch >= known.floor && newest.notAfter >= notAfter)
    return { branch: branchOfRow(newest), isNew: false };
  const epoch = Math.max(known.floor, (newest?.epoch ?? 0) + 1);
  if (epoch > EPOCH_MAX) throw new MeshError('ERR_DELEGATE_EPOCH', 'no epoch is left');
  const key = await requireTree(core).branch(branchPath(core.issuer.mesh, epoch));
  const from = unixMsFromSeconds(unixSeconds((at - BACKDATE_MS) as UnixMs));
  const row: BranchRow = {
    epoch,
    xpub: formatXpub(key),
    notBefore: from,
    notAfter: (from + BRANCH_LIFE_MS_MAX) as UnixMs,
  };
  await core.store.transact(async (tx) => {
    await tx.putBranch(row);
    await appendAudit(tx, {
      at,
      actor: 'local',
      action: 'branch-published',
      subject: core.issuer.mesh,
      detail: { epoch: String(epoch) },
    });
  });
  return { branch: branchOfRow(row), isNew: true };
}

function branchOfRow({ epoch, xpub, notBefore, notAfter }: BranchRow): Branch {
  const key = parseExtendedKey(xpub);
  if (!(key instanceof ExtendedPublicKey)) throw new MeshError('ERR_STATE_CORRUPT', `branch ${epoch} is no public key`);
  return { epoch, key, notBefore, notAfter, scope: BRANCH_SCOPE };
}

async function takeIndex(core: AuthorityCore): Promise<number> {
  return core.store.transact(async (tx) => {
    const index = Number((await tx.getMeta('next-delegate-index')) ?? 0);
    await tx.setMeta('next-delegate-index', String(index + 1));
    return index;
  });
}

async function floorOf(tx: AuthorityTransaction): Promise<number> {
  return Number((await tx.getMeta('delegate-epoch-floor')) ?? 0);
}

function rowOf(statement: DelegateStatement, revokedAt: UnixMs | undefined): DelegateRow {
  const { id, nodeId, bytes, notAfter } = statement;
  return { id, nodeId, statement: bytes, notAfter, revokedAt };
}

export function requireTree({ tree }: AuthorityCore): NonNullable<AuthorityCore['tree']> {
  if (tree === undefined) throw new MeshError('ERR_NOT_READY', 'this authority has no key tree');
  return tree;
}

function tooWide(scope: Scope, who: string): MeshError {
  return new MeshError('ERR_DELEGATE_SCOPE', `scope ${scope.join(' ')} is wider than what ${who} may do`);
}
