import type { Bytes } from '../base/bytes.ts';

/** Bytes of a salt before it is written as the 36 characters of a UUID. */
export const SALT_BYTES = 16;
/** r (32) || s (32) || v (1) */
export const RECORD_SIGNATURE_BYTES = 65;
/** 0x04 || x (32) || y (32) */
export const POINT_BYTES = 65;

/** Which implementation signs. All give the same bytes (RFC 6979, low s); they differ in speed. */
export type SigningEngine = 'native' | 'npm' | 'wasm';

/** The keys lie in a token that signs by itself: the nonce is the token's, so its signatures differ each time. */
export type TokenEngine = 'pkcs11';

/** Records to sign, packed: record `i` has the message `messages[offsets[i] .. offsets[i + 1]]`. */
export interface SigningBatch {
  readonly messages: Bytes;
  /** One more than there are records, rising. */
  readonly offsets: Uint32Array<ArrayBuffer>;
  /** 16 bytes a record: random UUIDs (RFC 9562 version 4), never used before. */
  readonly salts: Bytes;
  /** Which key of the ring signs each record. */
  readonly keyIndexes: Uint16Array<ArrayBuffer>;
}

/** Signatures to recover, packed like {@link SigningBatch}; the preimages are salt text and message in one. */
export interface RecoveryBatch {
  readonly preimages: Bytes;
  readonly offsets: Uint32Array<ArrayBuffer>;
  /** 65 bytes a record. */
  readonly signatures: Bytes;
}

/**
 * Signs batches with a ring of keys that it holds and never gives away.
 *
 * Callers may have several batches under way. The arrays of a batch must not change until its promise settles.
 */
export interface BatchSigner {
  readonly engine: SigningEngine | TokenEngine;
  /** In the order of the ring, uncompressed. */
  readonly publicKeys: readonly Bytes[];
  /**
   * @returns 65 bytes a record, over `Keccak-256(uuid text of the salt || message)`.
   * @throws Error where anything in the batch may be wrong: then nothing of it may be stored.
   */
  sign(batch: SigningBatch): Promise<Bytes>;
  /** Wipes the keys once what is under way is done. */
  close(): Promise<void>;
}

/** Finds out who signed. */
export interface SignatureChecker {
  readonly engine: SigningEngine;
  /**
   * @returns 65 bytes a record: the public key that made the signature, or zeros where there is none: r or s out of
   * range, v neither 0 nor 1, or the high one of the two s.
   */
  recover(batch: RecoveryBatch): Promise<Bytes>;
  close(): Promise<void>;
}
