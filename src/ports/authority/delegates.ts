import type { Bytes } from '../../base/bytes.ts';
import type { UnixMs } from '../../base/time.ts';

/** A branch of the key tree that is published (spec 09 delegates): one an epoch. */
export interface BranchRow {
  readonly epoch: number;
  readonly xpub: string;
  readonly notBefore: UnixMs;
  readonly notAfter: UnixMs;
  /** What its statements may permit at most. */
  readonly scope: readonly string[];
}

/** A delegate statement. Nothing here can sign: the keys of its device and of the tree lie elsewhere. */
export interface DelegateRow {
  /** Hex, in the form of a serial number. */
  readonly id: string;
  /** The node, or the origin of a wallet's delegates. */
  readonly nodeId: string;
  readonly statement: Bytes;
  readonly notAfter: UnixMs;
  readonly revokedAt: UnixMs | undefined;
}

/** A wallet whose delegates may speak. */
export interface WalletRow {
  /** 20 bytes, lower-case hex. */
  readonly address: string;
  readonly scope: readonly string[];
  readonly notAfter: UnixMs;
  /** The wallet has revoked its delegates that end before this. */
  readonly revokedBelow: UnixMs | undefined;
}

export interface DelegateRows {
  /** In order of epoch. */
  listBranches(): Promise<readonly BranchRow[]>;
  putBranch(row: BranchRow): Promise<void>;

  findDelegate(id: string): Promise<DelegateRow | undefined>;
  delegatesOf(nodeId: string): Promise<readonly DelegateRow[]>;
  /** Newest first. */
  listDelegates(limit: number): Promise<readonly DelegateRow[]>;
  /** Revoked ones that end at `notAfterMin` or later, in the order of their issue. */
  listRevokedDelegates(notAfterMin: UnixMs): Promise<readonly DelegateRow[]>;
  /** Adds the statement; where the id is known, only its revocation may differ. */
  putDelegate(row: DelegateRow): Promise<void>;

  /** In order of address. */
  listWallets(): Promise<readonly WalletRow[]>;
  putWallet(row: WalletRow): Promise<void>;
}
