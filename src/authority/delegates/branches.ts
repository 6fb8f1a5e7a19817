import { fromHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { type UnixMs, unixMsFromSeconds, unixSeconds } from '../../base/time.ts';
import { BRANCH_LIFE_MS, type Branch, branchPath, EPOCH_MAX } from '../../identity/delegate/branch.ts';
import { BRANCHES_MAX, type Delegations } from '../../identity/delegate/delegations.ts';
import { HARDENED } from '../../identity/key-tree/derivation-path.ts';
import { type Scope, scopeOf } from '../../identity/delegate/scope.ts';
import { ExtendedPublicKey } from '../../identity/key-tree/extended-key.ts';
import { formatXpub, parseExtendedKey } from '../../identity/key-tree/extended-key-text.ts';
import type { BranchRow } from '../../ports/authority/delegates.ts';
import type { AuthorityTransaction } from '../../ports/authority-store.ts';
import { BACKDATE_MS } from '../../pki/x509/certificate/certificate-build.ts';
import type { Random } from '../../ports/random.ts';
import { appendAudit } from '../audit-trail.ts';
import type { AuthorityCore } from '../core.ts';

/**
 * The branch of the current epoch; a new one where there is none, where it ends before the statement, or where it permits
 * something else than the policy says now: what was published of a branch does not change.
 */
export async function currentBranch(
  core: AuthorityCore,
  notAfter: UnixMs,
): Promise<{ readonly branch: Branch; readonly isNew: boolean }> {
  const at = core.clock.wall();
  const scope = core.policy.delegateScope;
  const known = await core.store.transact(async (tx) => ({
    floor: await floorOf(tx),
    newest: (await tx.listBranches()).at(-1),
  }));
  const { newest } = known;
  if (newest !== undefined && newest.epoch >= known.floor && newest.notAfter >= notAfter && isSame(newest.scope, scope))
    return { branch: branchOfRow(newest), isNew: false };
  const epoch = Math.max(known.floor, (newest?.epoch ?? 0) + 1);
  if (epoch > EPOCH_MAX) throw new MeshError('ERR_DELEGATE_EPOCH', 'no epoch is left');
  const key = await requireTree(core).branch(branchPath(core.issuer.mesh, epoch));
  const from = unixMsFromSeconds(unixSeconds((at - BACKDATE_MS) as UnixMs));
  const row: BranchRow = {
    epoch,
    xpub: formatXpub(key),
    notBefore: from,
    notAfter: (from + BRANCH_LIFE_MS) as UnixMs,
    scope,
  };
  await core.store.transact(async (tx) => {
    await tx.putBranch(row);
    await appendAudit(tx, {
      at,
      actor: 'local',
      action: 'branch-published',
      subject: core.issuer.mesh,
      detail: { epoch: String(epoch), scope: scope.join(' ') },
    });
  });
  return { branch: branchOfRow(row), isNew: true };
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.join(' ') === b.join(' ');
}

/** @throws ERR_STATE_CORRUPT */
export function branchOfRow({ epoch, xpub, notBefore, notAfter, scope }: BranchRow): Branch {
  const key = parseExtendedKey(xpub);
  if (!(key instanceof ExtendedPublicKey)) throw new MeshError('ERR_STATE_CORRUPT', `branch ${epoch} is no public key`);
  return { epoch, key, notBefore, notAfter, scope: scopeOf(scope) };
}

/** What goes into the next list; `undefined` where nothing was ever delegated. */
export async function delegationsOf(tx: AuthorityTransaction, at: UnixMs): Promise<Delegations | undefined> {
  const epochFloor = await floorOf(tx);
  const rows = (await tx.listBranches()).filter((row) => row.epoch >= epochFloor && row.notAfter > at);
  const wallets = (await tx.listWallets())
    .filter((row) => row.notAfter > at)
    .map(({ address, scope, notAfter, revokedBelow }) => ({
      address: fromHex(address),
      scope: scopeOf(scope),
      notAfter,
      ...(revokedBelow === undefined ? {} : { revokedBelow }),
    }));
  if (epochFloor === 0 && rows.length === 0 && wallets.length === 0) return undefined;
  return { epochFloor, branches: rows.slice(-BRANCHES_MAX).map(branchOfRow), wallets };
}

export async function floorOf(tx: AuthorityTransaction): Promise<number> {
  return Number((await tx.getMeta('delegate-epoch-floor')) ?? 0);
}

/**
 * Indexes left out where the store may have forgotten some: more than are used between two backups, and so few that 2,000
 * backups can be put back.
 */
export const DELEGATE_INDEX_GAP = 1 << 20;

const NEXT_INDEX = 'next-delegate-index';

/**
 * The next index of the tree, hardened or not: none is used twice, or two devices would have one subtree.
 * @throws ERR_DELEGATE_EPOCH where none is left in any epoch.
 */
export async function takeIndex(core: AuthorityCore): Promise<number> {
  return core.store.transact(async (tx) => {
    const index = Number((await tx.getMeta(NEXT_INDEX)) ?? 0);
    if (index >= HARDENED)
      throw new MeshError('ERR_DELEGATE_EPOCH', 'the tree has no index left: it needs a new master key');
    await tx.setMeta(NEXT_INDEX, String(index + 1));
    return index;
  });
}

/** Goes on beyond every index that may have been used since the backup that was put back. */
export async function skipIndexes(tx: AuthorityTransaction): Promise<void> {
  const next = Number((await tx.getMeta(NEXT_INDEX)) ?? 0);
  await tx.setMeta(NEXT_INDEX, String(next + DELEGATE_INDEX_GAP));
}

/** Begins somewhere: which indexes of a master key that comes as words were used elsewhere, nobody here knows. */
export async function scatterIndexes(tx: AuthorityTransaction, random: Random): Promise<void> {
  await tx.setMeta(NEXT_INDEX, String(DELEGATE_INDEX_GAP + random.below(HARDENED / 2)));
}

export function requireTree({ tree }: AuthorityCore): NonNullable<AuthorityCore['tree']> {
  if (tree === undefined) throw new MeshError('ERR_NOT_READY', 'this authority has no key tree');
  return tree;
}

/** A scope that nobody here may give. */
export function tooWide(scope: Scope, who: string): MeshError {
  return new MeshError('ERR_DELEGATE_SCOPE', `scope ${scope.join(' ')} is wider than what ${who} may do`);
}
