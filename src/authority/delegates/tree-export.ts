import type { Bytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { BRANCH_PURPOSE, BRANCH_STEPS } from '../../identity/delegate/branch.ts';
import { type DerivationPath, formatPath, HARDENED } from '../../identity/key-tree/derivation-path.ts';
import { formatXprv, formatXpub } from '../../identity/key-tree/extended-key-text.ts';
import { appendAudit } from '../audit-trail.ts';
import type { AuthorityCore } from '../core.ts';
import { requireTree, scatterIndexes } from './branches.ts';

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
  if (what === 'xprv') requireExportable(path);
  await core.store.transact((tx) =>
    appendAudit(tx, {
      at: core.clock.wall(),
      actor,
      action: 'key-tree-exported',
      subject: formatPath(path),
      detail: { what },
    }),
  );
  if (what === 'mnemonic') return { path: 'm', key: await tree.mnemonic() };
  using key = await tree.privateKey(path);
  return { path: formatPath(path), key: what === 'xprv' ? formatXprv(key) : formatXpub(key.public) };
}

/** Takes a master key over from its words. @returns its fingerprint. @throws ERR_KEY_MNEMONIC, ERR_DIR_EXISTS */
export async function importTree(core: AuthorityCore, mnemonic: string, actor: string): Promise<Bytes> {
  const tree = requireTree(core);
  await tree.restore(mnemonic);
  const { fingerprint } = await tree.branch([]);
  await core.store.transact(async (tx) => {
    await scatterIndexes(tx, core.random);
    await appendAudit(tx, { at: core.clock.wall(), actor, action: 'key-tree-imported', subject: fingerprint.toHex() });
  });
  return fingerprint;
}

/**
 * Refuses to let a private key go that is worth more than itself. What decides is the path alone: what was published,
 * or will be, and by which authority of which mesh, nobody can know for sure.
 *
 * A child that is not hardened, with the public key above it, gives the private key above it away (T1), and public keys
 * are handed out. A branch, and what lies above it, is the power to vouch for devices; for a backup there are the words.
 * Hardened subtrees, for devices that cannot make keys, may leave.
 *
 * @throws ERR_KEY_EXPORT
 */
export function requireExportable(path: DerivationPath): void {
  const hardened = path.map((step) => (step < HARDENED ? step + HARDENED : step));
  if (path.some((step) => step < HARDENED))
    throw new MeshError(
      'ERR_KEY_EXPORT',
      `key ${formatPath(path)} is not hardened: with the public key above it, it gives the private key above it away`,
      hardened.length > BRANCH_STEPS ? `take a hardened one: ${formatPath(hardened)}` : 'take a hardened one',
    );
  if (path.length <= BRANCH_STEPS && path.every((step, at) => at > 0 || step === BRANCH_PURPOSE + HARDENED))
    throw new MeshError(
      'ERR_KEY_EXPORT',
      `key ${formatPath(path)} is a branch or lies above one: whoever has it can vouch for any device`,
      'for a backup take the words, without --path; for a device a hardened key below a branch',
    );
}
