import { utf8 } from '../../base/bytes.ts';
import type { UnixMs } from '../../base/time.ts';
import { sha256 } from '../../crypto/hash.ts';
import type { MeshName } from '../mesh-name.ts';
import { type DerivationPath, HARDENED } from '../key-tree/derivation-path.ts';
import type { ExtendedPublicKey } from '../key-tree/extended-key.ts';
import type { Scope } from './scope.ts';

/** `m / purpose'`: what the tree is for. "CHM" in ASCII, so that no wallet's path is met by chance. */
export const BRANCH_PURPOSE = 0x43_48_4d;

/** Steps of a branch's path: purpose, mesh, epoch. */
export const BRANCH_STEPS = 3;

/** Epochs are counted from 1; index and epoch are steps of a path, and below 2^31. */
export const EPOCH_MAX = HARDENED - 1;

/** Life of a branch: as long as statements under it can be issued and their mail can live. */
export const BRANCH_LIFE_MS = 3_660 * 86_400_000;

/**
 * A branch of the authority's key tree, as it is published: with it alone anybody checks the statements that its
 * children signed. It is no secret; with the private key of one of its children it gives away its own (T1), which is
 * why no such key is ever stored or sent.
 */
export interface Branch {
  readonly epoch: number;
  readonly key: ExtendedPublicKey;
  readonly notBefore: UnixMs;
  readonly notAfter: UnixMs;
  /** What its statements may permit at most. */
  readonly scope: Scope;
}

/** `m / purpose' / mesh' / epoch'`: hardened all the way, so that one branch says nothing of another. */
export function branchPath(mesh: MeshName, epoch: number): DerivationPath {
  const digest = sha256(utf8(mesh));
  const meshIndex = new DataView(digest.buffer, digest.byteOffset).getUint32(0) & 0x7fff_ffff;
  return [BRANCH_PURPOSE + HARDENED, meshIndex + HARDENED, epoch + HARDENED];
}
