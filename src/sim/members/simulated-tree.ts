import type { Bytes } from '../../base/bytes.ts';
import { utf8 } from '../../base/bytes.ts';
import type { UnixMs } from '../../base/time.ts';
import { sha256 } from '../../crypto/hash.ts';
import { signRecoverable } from '../../crypto/secp256k1/recover.ts';
import { type Branch, branchPath } from '../../identity/delegate/branch.ts';
import { type Scope, scopeOf } from '../../identity/delegate/scope.ts';
import { assembleStatement, composeStatement, type StatementFields } from '../../identity/delegate/statement.ts';
import { ckdPriv, derivePrivate, masterKeyOf } from '../../identity/key-tree/child-key.ts';
import type { ExtendedPrivateKey } from '../../identity/key-tree/extended-key.ts';
import type { MeshName } from '../../identity/mesh-name.ts';

const BRANCH_SCOPE = scopeOf(['command:issue', 'publish:indicator', 'publish:sensor/*']);

/** What a simulated delegate may do, until when: everything else has a value of its own. */
export type StatementWish = Omit<StatementFields, 'id' | 'epoch' | 'index'> &
  Partial<Pick<StatementFields, 'epoch' | 'index'>>;

/** An authority's key tree from a seed. It signs without chance (RFC 6979), so equal seeds give equal statements. */
export class SimulatedTree {
  readonly #mesh: MeshName;
  readonly #master: ExtendedPrivateKey;
  #issued = 0;

  constructor(mesh: MeshName, seed: string) {
    this.#mesh = mesh;
    this.#master = masterKeyOf('secp256k1', sha256(utf8(`${seed}/tree`)));
  }

  branch(epoch: number, notBefore: UnixMs, notAfter: UnixMs, scope: Scope = BRANCH_SCOPE): Branch {
    using key = derivePrivate(this.#master, branchPath(this.#mesh, epoch));
    return { epoch, key: key.public, notBefore, notAfter, scope };
  }

  /** A key below a branch, for a device that cannot make its own; the caller disposes of it. @param step hardened or not */
  below(epoch: number, step: number): ExtendedPrivateKey {
    using branch = derivePrivate(this.#master, branchPath(this.#mesh, epoch));
    return ckdPriv(branch, step);
  }

  /** A statement, signed by the child of this index, whatever is published. */
  statement(wish: StatementWish): Bytes {
    const { epoch = 1, index = this.#issued } = wish;
    const id = `5${(this.#issued++).toString(16).padStart(15, '0')}`;
    using branch = derivePrivate(this.#master, branchPath(this.#mesh, epoch));
    using child = ckdPriv(branch, index);
    const composed = composeStatement(this.#mesh, { ...wish, id, epoch, index });
    const signature = signRecoverable(child.privateKey, sha256(composed.toBeSigned)).subarray(0, 64);
    return assembleStatement(composed, signature);
  }
}
