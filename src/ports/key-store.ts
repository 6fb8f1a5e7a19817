import type { Signer } from '../crypto/signer.ts';

/** Names of the keys that a directory holds. */
export type KeyName = 'identity' | 'certificate' | 'root' | 'issuer' | 'server' | 'administrator';

/**
 * Keeps private keys and signs with them; what leaves it are signatures and public keys. An encrypted file in
 * the field today; a TPM, a PKCS#11 token or a platform store fit the same words.
 */
export interface KeyStore {
  has(name: KeyName): Promise<boolean>;
  /** Makes the key, durable before it is returned. @throws ERR_DIR_EXISTS where the name is taken. */
  generate(name: KeyName): Promise<Signer>;
  /** @throws ERR_KEY_MISSING where there is none. */
  open(name: KeyName): Promise<Signer>;
}

/** Secrets that are no key of their own. `tree`: the random bytes of the master key's mnemonic. */
export type SecretName = 'tree';
