import type { Signer } from '../crypto/signer.ts';

/** Names of the keys that a directory holds. */
export type KeyName = 'identity' | 'root' | 'issuer' | 'server';

/**
 * Keeps private keys and signs with them; what leaves it are signatures and public keys. The one implementation keeps
 * encrypted files, and the processes take that one: TLS must have a node's key in memory, and the key tree a secret, and
 * this port offers neither.
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
