import type { KeyTree } from '../../authority/delegates/key-tree.ts';
import type { Bytes } from '../../base/bytes.ts';
import { PublicKey } from '../../crypto/keys/public-key.ts';
import { Secret } from '../../crypto/secret.ts';
import { signSecp256k1Sha256 } from '../../crypto/secp256k1/sign.ts';
import { derivePrivate, masterKeyOf } from '../../identity/key-tree/child-key.ts';
import type { DerivationPath } from '../../identity/key-tree/derivation-path.ts';
import type { ExtendedPrivateKey, ExtendedPublicKey } from '../../identity/key-tree/extended-key.ts';
import { entropyBytesOf, entropyOfMnemonic, mnemonicOf, seedOfMnemonic } from '../../identity/key-tree/mnemonic.ts';
import type { SecretStore } from '../../ports/key-store.ts';
import { systemRandom } from '../machine/system-random.ts';

/** A {@link KeyTree} whose master key lies among the secrets of a directory, as the random bytes of a mnemonic of 24 words. */
export class MnemonicKeyTree implements KeyTree {
  readonly #secrets: SecretStore;

  constructor(secrets: SecretStore) {
    this.#secrets = secrets;
  }

  async branch(path: DerivationPath): Promise<ExtendedPublicKey> {
    if (!(await this.#secrets.hasSecret('tree'))) await this.#make();
    using key = await this.#derive(path);
    return key.public;
  }

  async sign(path: DerivationPath, data: Bytes): Promise<Bytes> {
    using key = await this.#derive(path);
    const signature = signSecp256k1Sha256(key.privateKey, data);
    // A wrong one could tell the key: this processor or library would have computed wrongly.
    if (!PublicKey.fromRaw('secp256k1', key.public.publicKey).verify('ES256K', data, signature))
      throw new Error('a fresh signature of the key tree does not verify');
    return signature;
  }

  async restore(mnemonic: string): Promise<void> {
    using entropy = entropyOfMnemonic(mnemonic);
    await this.#secrets.keepSecret('tree', entropy);
  }

  async mnemonic(): Promise<string> {
    using entropy = await this.#secrets.openSecret('tree');
    return entropy.use((bytes) => mnemonicOf(bytes));
  }

  privateKey(path: DerivationPath): Promise<ExtendedPrivateKey> {
    return this.#derive(path);
  }

  async #make(): Promise<void> {
    const bytes = systemRandom.bytes(entropyBytesOf(24));
    using entropy = new Secret(bytes);
    bytes.fill(0);
    await this.#secrets.keepSecret('tree', entropy);
  }

  async #derive(path: DerivationPath): Promise<ExtendedPrivateKey> {
    using seed = seedOfMnemonic(await this.mnemonic());
    using master = seed.use((bytes) => masterKeyOf('secp256k1', bytes));
    return derivePrivate(master, path);
  }
}
