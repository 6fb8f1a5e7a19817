import type { UnixMs } from '../../base/time.ts';
import { branchPath } from '../../identity/delegate/branch.ts';
import { DELEGATE_LIFE_MS_MAX } from '../../identity/delegate/statement.ts';
import { formatPath, HARDENED } from '../../identity/key-tree/derivation-path.ts';
import { formatXpub, parseExtendedKey } from '../../identity/key-tree/extended-key-text.ts';
import type { ExtendedPrivateKey } from '../../identity/key-tree/extended-key.ts';
import { currentBranch, takeIndex } from './branches.ts';
import type { AuthorityCore } from '../core.ts';
import { exportTree } from './tree-export.ts';

/** Keys for a device that cannot make its own. */
export interface NewSubtree {
  readonly path: string;
  /** What a statement is issued for. */
  readonly xpub: string;
  /** A secret, kept nowhere here; the tree makes it again at the same path. */
  readonly xprv: string;
}

/**
 * The next hardened child of the current branch: the device that gets it can derive as many keys below it as it likes,
 * and whoever takes it apart learns nothing of what lies above (T1). It may sign nothing before a statement is issued.
 */
export async function createSubtree(core: AuthorityCore, actor: string): Promise<NewSubtree> {
  const { branch, isNew } = await currentBranch(core, (core.clock.wall() + DELEGATE_LIFE_MS_MAX) as UnixMs);
  if (isNew) await core.crls.publishNow();
  const path = [...branchPath(core.issuer.mesh, branch.epoch), (await takeIndex(core)) + HARDENED];
  const { key: xprv } = await exportTree(core, 'xprv', path, actor);
  using key = parseExtendedKey(xprv) as ExtendedPrivateKey;
  return { path: formatPath(path), xpub: formatXpub(key.public), xprv };
}
