import type { Bytes } from '../../base/bytes.ts';
import type { UnixMs } from '../../base/time.ts';

/** A key that signs an administrator's requests. Its secret is in nobody's store but its owner's. */
export interface AccessKeyRow {
  readonly accessKeyId: string;
  /** The administrator's. */
  readonly name: string;
  /** What its requests may do. */
  readonly role: string;
  /** SubjectPublicKeyInfo of P-256, DER. */
  readonly spki: Bytes;
  readonly createdAt: UnixMs;
  /** Kept afterwards, so that its id is never given out again. */
  readonly removedAt: UnixMs | undefined;
}

/** A signed request that changed state, and must not do so again. */
export interface SpentRequestRow {
  readonly accessKeyId: string;
  /** Hex of the SHA-256 of the string to sign: never of the signature, of which one text has many. */
  readonly textHash: string;
  /** When it would be refused for its date. */
  readonly expiresAt: UnixMs;
}

export interface AccessKeyRows {
  findAccessKey(accessKeyId: string): Promise<AccessKeyRow | undefined>;
  /** Those that are not removed, oldest first. */
  listAccessKeys(limit: number): Promise<readonly AccessKeyRow[]>;
  /** Adds the key, or replaces the one with the same id. */
  putAccessKey(row: AccessKeyRow): Promise<void>;

  isRequestSpent(accessKeyId: string, textHash: string): Promise<boolean>;
  countSpentRequests(accessKeyId: string): Promise<number>;
  putSpentRequest(row: SpentRequestRow): Promise<void>;
  /** Forgets those that expired before. */
  forgetSpentRequests(before: UnixMs): Promise<void>;
}
