import type { KeyTree } from '../authority/delegates/key-tree.ts';
import type { Secret } from '../crypto/secret.ts';
import { FileKeyStore } from '../host/keys/file-key-store.ts';
import { MnemonicKeyTree } from '../host/keys/mnemonic-key-tree.ts';
import type { KeyName, KeyStore, SecretStore } from '../ports/key-store.ts';

/**
 * The keys and secrets of a folder, which is made where it is missing. Here alone it is said what keeps them: files,
 * sealed under the passphrase.
 * @throws ERR_PASSPHRASE_WRONG, ERR_KEY_FILE_MODE, ERR_STATE_CORRUPT
 */
export function openKeys(folder: string, passphrase: Secret): Promise<KeyStore & SecretStore> {
  return FileKeyStore.open(folder, passphrase);
}

/** Whether a folder keeps a key. Needs no passphrase, and changes nothing. */
export function holdsKey(folder: string, name: KeyName): boolean {
  return FileKeyStore.holds(folder, name);
}

/** The key tree that grows from a secret of a store. */
export function keyTreeOf(secrets: SecretStore): KeyTree {
  return new MnemonicKeyTree(secrets);
}
