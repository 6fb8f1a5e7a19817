import type { Bytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { branchPath } from '../identity/delegate/branch.ts';
import { type DerivationPath, formatPath, HARDENED } from '../identity/key-tree/derivation-path.ts';
import { formatXprv, formatXpub } from '../identity/key-tree/extended-key-text.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import { appendAudit } from './audit-trail.ts';
import type { AuthorityCore } from './core.ts';
import { requireTree } from './branches.ts';

/** What is taken out of a key tree: the words of its master key, or the key at a path. */
export type TreeExport = 'mnemonic' | 'xpub' | 'xprv';

/**
 * Takes a key out of the tree, for its backup or for a device that cannot make its own.
 * @throws ERR_KEY_MISSING where there is no tree; ERR_KEY_EXPORT.
 */
export async function exportTree(
  core: AuthorityCore,
  what: TreeExport,
  path: DerivationPath,
  actor: string,
): Promise<{ readonly path: string; readonly key: string }> {
  const tree = requireTree(core);
  await core.store.transact(async (tx) => {
    if (what === 'xprv')
      requireExportable(
        core.issuer.mesh,
        (await tx.listBranches()).map(({ epoch }) => epoch),
        path,
      );
    await appendAudit(tx, {
      at: core.clock.wall(),
      actor,
      action: 'key-tree-exported',
      subject: formatPath(path),
      detail: { what },
    });
  });
  if (what === 'mnemonic') return { path: 'm', key: await tree.mnemonic() };
  using key = await tree.privateKey(path);
  return { path: formatPath(path), key: what === 'xprv' ? formatXprv(key) : formatXpub(key.public) };
}

/** Takes a master key over from its words. @returns its fingerprint. @throws ERR_KEY_MNEMONIC, ERR_DIR_EXISTS */
export async function importTree(core: AuthorityCore, mnemonic: string, actor: string): Promise<Bytes> {
  const tree = requireTree(core);
  await tree.restore(mnemonic);
  const { fingerprint } = await tree.branch([]);
  await core.store.transact((tx) =>
    appendAudit(tx, { at: core.clock.wall(), actor, action: 'key-tree-imported', subject: fingerprint.toHex() }),
  );
  return fingerprint;
}

/**
 * Whether the private key at a path may leave the authority. The key of a child that is not hardened may not, where its
 * branch is published: with both, anybody works out the branch's own key (T1). Hardened subtrees, for devices that
 * cannot make keys, may.
 *
 * @param epochs of all branches that were ever published.
 * @throws ERR_KEY_EXPORT
 */
export function requireExportable(mesh: MeshName, epochs: readonly number[], path: DerivationPath): void {
  for (const epoch of epochs) {
    const branch = branchPath(mesh, epoch);
    const below = path.slice(branch.length);
    const isUnder = branch.every((step, at) => path[at] === step);
    if (isUnder && below.length > 0 && below.every((step) => step < HARDENED))
      throw new MeshError(
        'ERR_KEY_EXPORT',
        `key ${formatPath(path)} is not hardened, and the branch above it is published: together they give the branch away`,
        `take a hardened one: ${formatPath([...branch, HARDENED])}`,
      );
  }
}
