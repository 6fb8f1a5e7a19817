import type { Bytes } from '../../base/bytes.ts';
import type { DerivationPath } from '../../identity/key-tree/derivation-path.ts';
import type { ExtendedPrivateKey, ExtendedPublicKey } from '../../identity/key-tree/extended-key.ts';

/**
 * The authority's key tree, of secp256k1. What leaves it in the course of its work are public keys and signatures: a
 * child's private key lives in memory for one signature (T1). The rest is for its backup.
 */
export interface KeyTree {
  /** The public key of a branch. Makes the tree where there is none yet. */
  branch(path: DerivationPath): Promise<ExtendedPublicKey>;
  /** Derives the key at the path, signs with it (ES256K), checks the signature, wipes the key. @returns 64 bytes. */
  sign(path: DerivationPath, data: Bytes): Promise<Bytes>;
  /** The words of the master key: a secret. @throws ERR_KEY_MISSING where there is none. */
  mnemonic(): Promise<string>;
  /** Puts a master key in place of none. @throws ERR_KEY_MNEMONIC; ERR_DIR_EXISTS where there is one. */
  restore(mnemonic: string): Promise<void>;
  /** The private key at a path; the caller disposes of it, and has judged that it may leave. */
  privateKey(path: DerivationPath): Promise<ExtendedPrivateKey>;
}
