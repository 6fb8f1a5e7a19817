import { type Bytes, bytesEqual, toHex } from '../base/bytes.ts';
import { isMeshError, MeshError } from '../base/errors.ts';
import { HOUR_MS, type UnixMs } from '../base/time.ts';
import { sha256Hex } from '../crypto/hash.ts';
import { isLowS } from '../crypto/secp256k1-signature.ts';
import type { Branch } from '../identity/delegate/branch.ts';
import {
  branchOf,
  type DelegateStatement,
  isSignedByBranch,
  judgeStatement,
} from '../identity/delegate/delegations.ts';
import type { Scope } from '../identity/delegate/scope.ts';
import type { TreeStatement } from '../identity/delegate/statement.ts';
import { DelegateKeys } from '../identity/delegate/subtree.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { NodeId } from '../identity/node-id.ts';
import { parseStatement } from '../message/delegate-statement.ts';
import { LIFETIME_MAX_MS } from '../message/limits.ts';
import type { AddScalarToPoint } from '../ports/point-adder.ts';
import type { Revocations } from './revocations.ts';

/** Statements kept: one a delegate with live mail. 10,000 × about 1 KB = 10 MB at the very most. */
export const DELEGATES_MAX = 10_000;

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
  | { readonly tag: 'known'; readonly delegate: KnownDelegate; readonly isNew: boolean }
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
    if (known !== undefined) return { tag: 'known', delegate: known, isNew: false };
    try {
      const statement = parseStatement(this.#mesh, bytes.slice());
      if (keepDelegateUntil(statement) <= wall)
        return { tag: 'unpublished', why: new MeshError('ERR_DELEGATE_EXPIRED', 'the delegate ended too long ago') };
      const branch = statement.tag === 'tree' ? this.#branchOf(statement.epoch) : undefined;
      if (statement.tag === 'tree') {
        if (branch === undefined) return { tag: 'unpublished', why: this.#whyNoBranch(statement) };
        if (!isSignedByBranch(statement, branch, this.#add)) return { tag: 'refused', why: whyNotSigned(statement) };
      }
      const delegate = { hash, statement, keys: new DelegateKeys(statement.key, this.#add), branch };
      if (this.#entries.size >= this.#entriesMax) this.#forgetOldest();
      this.#entries.set(hash, delegate);
      return { tag: 'known', delegate, isNew: true };
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
    for (const hash of ended) this.#entries.delete(hash);
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

  #forgetOldest(): void {
    const oldest = this.#entries.keys().next().value;
    if (oldest !== undefined) this.#entries.delete(oldest);
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
