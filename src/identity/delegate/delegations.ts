import { type Bytes, bytesEqual, toHex } from '../../base/bytes.ts';
import type { ErrorCode } from '../../base/error-codes.ts';
import { MeshError } from '../../base/errors.ts';
import { toRfc3339, type UnixMs } from '../../base/time.ts';
import { PublicKey } from '../../crypto/keys/public-key.ts';
import type { AddScalarToPoint } from '../../ports/point-adder.ts';
import { ckdPub } from '../key-tree/child-key.ts';
import type { Branch } from './branch.ts';
import { isScopeWithin, type Scope } from './scope.ts';
import { type TreeStatement, WALLET_DELEGATE_MS_MAX } from './statement.ts';
import type { WalletStatement } from './wallet-statement.ts';

/** Who vouches for a device's key: a child of the authority's tree, or a wallet. */
export type DelegateStatement = TreeStatement | WalletStatement;

/** Branches that one list publishes: the epoch that is, and those whose delegates have not ended. */
export const BRANCHES_MAX = 16;
/** Wallets that one list lets speak. */
export const WALLETS_MAX = 64;

/** That a wallet's delegates may speak in this mesh. */
export interface WalletGrant {
  /** 20 bytes. */
  readonly address: Bytes;
  readonly scope: Scope;
  readonly notAfter: UnixMs;
  /** Delegates that end before this are void: the wallet said so (`message/river/wallet-epoch.ts`). */
  readonly revokedBelow?: UnixMs | undefined;
}

/** What the authority publishes of delegates with each revocation list. */
export interface Delegations {
  /** Every statement of an earlier epoch is void. Never falls. */
  readonly epochFloor: number;
  readonly branches: readonly Branch[];
  readonly wallets: readonly WalletGrant[];
}

export const NO_DELEGATIONS: Delegations = Object.freeze({ epochFloor: 0, branches: [], wallets: [] });

/**
 * Whether the child of the branch signed it: the costly part, which never changes for one statement and one branch.
 * @param add see `ports/point-adder.ts`.
 */
export function isSignedByBranch(statement: TreeStatement, branch: Branch, add?: AddScalarToPoint): boolean {
  const child = ckdPub(branch.key, statement.index, add);
  return PublicKey.fromRaw('secp256k1', child.publicKey).verify('ES256K', statement.toBeSigned, statement.signature);
}

/**
 * Whether a statement speaks at this time (spec 09 delegates section 4), as far as the authority's newest list tells; that it is
 * not revoked, and its signature, are for the caller. Steps in order of cost; each names the attack that it stops.
 *
 * @param at when what it vouches for was signed. Equal to the end is over.
 */
export function judgeStatement(
  statement: DelegateStatement,
  delegations: Delegations,
  at: UnixMs,
): { readonly tag: 'ok'; readonly scope: Scope } | { readonly tag: 'refused'; readonly error: MeshError } {
  // 1. A device that was found after its delegate had ended, and one whose clock is wrong.
  if (at >= statement.notAfter)
    return refused('ERR_DELEGATE_EXPIRED', `delegate ${statement.id} ended at ${toRfc3339(statement.notAfter)}`);
  if (statement.tag === 'wallet') return judgeWallet(statement.address, statement.notAfter, delegations, at);
  if (at < statement.notBefore)
    return refused(
      'ERR_DELEGATE_NOT_YET_VALID',
      `delegate ${statement.id} begins at ${toRfc3339(statement.notBefore)}`,
    );
  // 2. Everything below an epoch, revoked in one word; a branch whose key was found.
  const { epoch, id } = statement;
  if (epoch < delegations.epochFloor)
    return refused(
      'ERR_DELEGATE_EPOCH',
      `delegate ${id} is of epoch ${epoch}, the first that counts is ${delegations.epochFloor}`,
    );
  const branch = branchOf(delegations, epoch);
  if (branch === undefined) return refused('ERR_DELEGATE_BRANCH', `no branch of epoch ${epoch} is published`);
  // 3. A branch that outlives what it was made for.
  if (statement.notBefore < branch.notBefore || statement.notAfter > branch.notAfter)
    return refused('ERR_DELEGATE_BRANCH', `delegate ${id} lies outside the life of its branch`);
  // 4. Escalation: whoever has the branch's key cannot permit more than the branch may.
  if (!isScopeWithin(statement.scope, branch.scope))
    return refused('ERR_DELEGATE_SCOPE', `delegate ${id} permits more than its branch does`);
  return { tag: 'ok', scope: statement.scope };
}

export function grantOf({ wallets }: Delegations, address: Bytes): WalletGrant | undefined {
  return wallets.find((grant) => bytesEqual(grant.address, address));
}

/** What is said of a wallet without a grant that holds. */
export function notLetIn(address: Bytes): MeshError {
  return new MeshError('ERR_DELEGATE_BRANCH', `wallet 0x${toHex(address)} may not speak in this mesh`);
}

export function branchOf({ branches }: Delegations, epoch: number): Branch | undefined {
  return branches.find((branch) => branch.epoch === epoch);
}

function judgeWallet(
  address: Bytes,
  notAfter: UnixMs,
  delegations: Delegations,
  at: UnixMs,
): ReturnType<typeof judgeStatement> {
  const wallet = toHex(address);
  const grant = grantOf(delegations, address);
  if (grant === undefined || at >= grant.notAfter) return { tag: 'refused', error: notLetIn(address) };
  if (notAfter < (grant.revokedBelow ?? 0))
    return refused('ERR_DELEGATE_EPOCH', `wallet 0x${wallet} has revoked its delegates that end as early as this one`);
  if (notAfter - at > WALLET_DELEGATE_MS_MAX)
    return refused('ERR_DELEGATE_LIFETIME', `delegate of wallet 0x${wallet} lives on for more than 30 days`);
  return { tag: 'ok', scope: grant.scope };
}

function refused(code: ErrorCode, message: string): ReturnType<typeof judgeStatement> {
  return { tag: 'refused', error: new MeshError(code, message) };
}
