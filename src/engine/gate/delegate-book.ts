import { type Bytes, bytesEqual, toHex } from '../../base/bytes.ts';
import { isMeshError, MeshError } from '../../base/errors.ts';
import { HOUR_MS, type UnixMs } from '../../base/time.ts';
import { sha256Hex } from '../../crypto/hash.ts';
import { isLowS } from '../../crypto/secp256k1/signature.ts';
import type { Branch } from '../../identity/delegate/branch.ts';
import {
  branchOf,
  type DelegateStatement,
  grantOf,
  isSignedByBranch,
  judgeStatement,
  notLetIn,
} from '../../identity/delegate/delegations.ts';
import type { Scope } from '../../identity/delegate/scope.ts';
import type { TreeStatement } from '../../identity/delegate/statement.ts';
import { DelegateKeys } from '../../identity/delegate/subtree.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { parseStatement } from '../../message/delegate-statement.ts';
import { LIFETIME_MAX_MS } from '../../message/limits.ts';
import type { AddScalarToPoint } from '../../ports/point-adder.ts';
import type { Revocations } from './revocations.ts';

/** Statements kept: one a delegate with live mail. 10,000 × about 1 KB = 10 MB at the very most. */
export const DELEGATES_MAX = 10_000;

/**
 * Statements kept of one wallet: a person's devices, with some to spare. A wallet makes them for nothing; with more it is its
 * own oldest that is forgotten, and never the authority's, for which all 64 wallets leave 5,900 places.
 */
export const DELEGATES_OF_WALLET_MAX = 64;

/** A statement whose signature holds, whether or not it has ended or is revoked by now. */
export interface KnownDelegate {
  /** Hex of the SHA-256 of the statement: what messages name. */
  readonly hash: string;
  readonly statement: DelegateStatement;
  readonly keys: DelegateKeys;
  /** Under whose key it was checked; `undefined` where a wallet signed it. */
  readonly branch: Branch | undefined;
}

/** Who may have said a message, as far as the statement of its delegate tells. */
export type DelegateJudgement =
  | { readonly tag: 'ok'; readonly keys: DelegateKeys; readonly scope: Scope }
  | { readonly tag: 'unknown' }
  | { readonly tag: 'revoked'; readonly why: MeshError }
  /** Nothing that we know of speaks for it, yet: our list may be older than another's. */
  | { readonly tag: 'unpublished'; readonly why: MeshError }
  | { readonly tag: 'refused'; readonly why: MeshError };

export type DelegateAddition =
  | {
      readonly tag: 'known';
      readonly delegate: KnownDelegate;
      readonly isNew: boolean;
      /** Hashes of those that had to go for it: beyond a bound. */
      readonly forgotten: readonly string[];
    }
  | { readonly tag: 'unpublished' | 'refused'; readonly why: MeshError };

/**
 * The delegate statements that this node has seen and checked, by the hash that messages name them with. What a
 * statement is worth changes with the authority's lists, so that is judged anew for each message; its signature is
 * checked once.
 */
export class DelegateBook {
  readonly #mesh: MeshName;
  readonly #revocations: Revocations;
  readonly #isNodeRevoked: (nodeId: NodeId) => boolean;
  readonly #add: AddScalarToPoint | undefined;
  readonly #entriesMax: number;
  readonly #entries = new Map<string, KnownDelegate>();
  /** Hashes by wallet, the oldest first. */
  readonly #ofWallet = new Map<NodeId, Set<string>>();

  /** @param add see `ports/point-adder.ts`. */
  constructor(
    mesh: MeshName,
    revocations: Revocations,
    isNodeRevoked: (nodeId: NodeId) => boolean,
    add: AddScalarToPoint | undefined,
    entriesMax = DELEGATES_MAX,
  ) {
    this.#mesh = mesh;
    this.#revocations = revocations;
    this.#isNodeRevoked = isNodeRevoked;
    this.#add = add;
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(hash: string): KnownDelegate | undefined {
    return this.#entries.get(hash);
  }

  /** Keeps a statement whose signature holds. As costly as checking a message's, or two. */
  add(bytes: Bytes, wall: UnixMs): DelegateAddition {
    const hash = sha256Hex(bytes);
    const known = this.#entries.get(hash);
    if (known !== undefined) return { tag: 'known', delegate: known, isNew: false, forgotten: [] };
    try {
      const statement = parseStatement(this.#mesh, bytes.slice());
      if (keepDelegateUntil(statement) <= wall)
        return { tag: 'unpublished', why: new MeshError('ERR_DELEGATE_EXPIRED', 'the delegate ended too long ago') };
      // Wallets cost nothing: of one that nobody let in, nothing is kept.
      if (statement.tag === 'wallet' && grantOf(this.#revocations.delegations.current, statement.address) === undefined)
        return { tag: 'unpublished', why: notLetIn(statement.address) };
      const branch = statement.tag === 'tree' ? this.#branchOf(statement.epoch) : undefined;
      if (statement.tag === 'tree') {
        if (branch === undefined) return { tag: 'unpublished', why: this.#whyNoBranch(statement) };
        if (!isSignedByBranch(statement, branch, this.#add)) return { tag: 'refused', why: whyNotSigned(statement) };
      }
      const delegate = { hash, statement, keys: new DelegateKeys(statement.key, this.#add), branch };
      return { tag: 'known', delegate, isNew: true, forgotten: this.#keep(delegate) };
    } catch (error) {
      if (!isMeshError(error)) throw error;
      return { tag: 'refused', why: error };
    }
  }

  /** @param at when the message was signed. */
  judge(hash: string, origin: NodeId, at: UnixMs): DelegateJudgement {
    const known = this.#entries.get(hash);
    if (known === undefined) return { tag: 'unknown' };
    const { statement, keys, branch } = known;
    if (statement.nodeId !== origin)
      return {
        tag: 'refused',
        why: new MeshError(
          'ERR_DELEGATE_NODE',
          `delegate ${statement.id} speaks for ${statement.nodeId}, not for ${origin}`,
        ),
      };
    if (this.#revocations.isRevokedId(statement.id))
      return { tag: 'revoked', why: new MeshError('ERR_DELEGATE_REVOKED', `delegate ${statement.id} is revoked`) };
    if (this.#isNodeRevoked(origin))
      return {
        tag: 'revoked',
        why: new MeshError('ERR_DELEGATE_REVOKED', `node ${origin} is revoked, and its delegates with it`),
      };
    const judgement = judgeStatement(statement, this.#revocations.delegations.current, at);
    if (judgement.tag === 'refused') {
      const { error: why } = judgement;
      if (why.code === 'ERR_DELEGATE_EPOCH') return { tag: 'revoked', why };
      // What the lists say may have changed since honest peers passed it on; what the statement says has not.
      return { tag: why.code === 'ERR_DELEGATE_BRANCH' ? 'unpublished' : 'refused', why };
    }
    if (branch !== undefined && !isSameBranch(branch, this.#branchOf(branch.epoch)))
      return {
        tag: 'unpublished',
        why: new MeshError('ERR_DELEGATE_BRANCH', `the branch of epoch ${branch.epoch} was replaced`),
      };
    return { tag: 'ok', keys, scope: judgement.scope };
  }

  /** Hashes of statements that no mail can need any more; they are forgotten. */
  forgetEnded(wall: UnixMs): string[] {
    const ended: string[] = [];
    for (const { hash, statement } of this.#entries.values())
      if (keepDelegateUntil(statement) <= wall) ended.push(hash);
    for (const hash of ended) this.#forget(hash);
    return ended;
  }

  #branchOf(epoch: number): Branch | undefined {
    return branchOf(this.#revocations.delegations.current, epoch);
  }

  #whyNoBranch({ id, epoch }: TreeStatement): MeshError {
    const { epochFloor } = this.#revocations.delegations.current;
    return epoch < epochFloor
      ? new MeshError(
          'ERR_DELEGATE_EPOCH',
          `delegate ${id} is of epoch ${epoch}, the first that counts is ${epochFloor}`,
        )
      : new MeshError('ERR_DELEGATE_BRANCH', `no branch of epoch ${epoch} is published`);
  }

  /** @returns what had to go for it. */
  #keep(delegate: KnownDelegate): readonly string[] {
    const { hash, statement } = delegate;
    const forgotten: string[] = [];
    if (statement.tag === 'wallet') {
      const own = this.#ofWallet.get(statement.nodeId) ?? new Set();
      const [oldest] = own;
      if (own.size >= DELEGATES_OF_WALLET_MAX && oldest !== undefined) forgotten.push(oldest);
      this.#ofWallet.set(statement.nodeId, own.add(hash));
    }
    const [oldest] = this.#entries.keys();
    if (forgotten.length === 0 && this.#entries.size >= this.#entriesMax && oldest !== undefined)
      forgotten.push(oldest);
    for (const each of forgotten) this.#forget(each);
    this.#entries.set(hash, delegate);
    return forgotten;
  }

  #forget(hash: string): void {
    const statement = this.#entries.get(hash)?.statement;
    this.#entries.delete(hash);
    if (statement?.tag !== 'wallet') return;
    const own = this.#ofWallet.get(statement.nodeId);
    if (own?.delete(hash) === true && own.size === 0) this.#ofWallet.delete(statement.nodeId);
  }
}

function whyNotSigned({ id, signature }: TreeStatement): MeshError {
  return isLowS(signature)
    ? new MeshError('ERR_DELEGATE_SIGNATURE', `the authority has not signed delegate ${id} as it stands here`)
    : new MeshError('ERR_DELEGATE_HIGH_S', `the signature of delegate ${id} has a high s`);
}

/** Mail signed in the last second of a delegate may live on for a lifetime. */
export function keepDelegateUntil({ notAfter }: Pick<DelegateStatement, 'notAfter'>): UnixMs {
  return (notAfter + LIFETIME_MAX_MS + HOUR_MS) as UnixMs;
}

function isSameBranch(a: Branch, b: Branch | undefined): boolean {
  return (
    a === b ||
    (b !== undefined &&
      bytesEqual(a.key.publicKey, b.key.publicKey) &&
      toHex(a.key.chainCode) === toHex(b.key.chainCode))
  );
}
