import type { Secret } from '../crypto/secret.ts';
import type { Signer } from '../crypto/keys/signer.ts';

/** Names of the keys that a directory holds. */
export type KeyName = 'identity' | 'root' | 'issuer' | 'server';

/** The keys that TLS needs. Those that issue never leave what keeps them. */
export type TlsKeyName = 'identity' | 'server';

/** Keeps private keys and signs with them; what leaves it are signatures and public keys, but for the keys of TLS. */
export interface KeyStore {
  has(name: KeyName): Promise<boolean>;
  /** Makes the key, durable before it is returned. @throws ERR_DIR_EXISTS where the name is taken. */
  generate(name: KeyName): Promise<Signer>;
  /** @throws ERR_KEY_MISSING where there is none. */
  open(name: KeyName): Promise<Signer>;
  /** For people: where the key is or would be. */
  whereIs(name: KeyName): string;
  /**
   * The private key in PEM, as `node:tls` takes it: that signs with what it has read, and asks nobody else to. A store for
   * keys that cannot leave can so keep those of issuers; it must have these two elsewhere.
   * @throws ERR_KEY_MISSING
   */
  exportPem(name: TlsKeyName): Promise<string>;
}

/** Secrets that are no key of their own. `tree`: the random bytes of the master key's mnemonic. */
export type SecretName = 'tree';

/** Keeps secrets that this program computes with itself, and so must have in memory for a moment. */
export interface SecretStore {
  hasSecret(name: SecretName): Promise<boolean>;
  /** Durable when it resolves. @throws ERR_DIR_EXISTS where the name is taken. */
  keepSecret(name: SecretName, secret: Secret): Promise<void>;
  /** The caller disposes of it. @throws ERR_KEY_MISSING */
  openSecret(name: SecretName): Promise<Secret>;
}
