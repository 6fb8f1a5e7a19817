import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '../../base/bytes.ts';
import { isMeshError, MeshError, messageOf, quotedPath } from '../../base/errors.ts';
import { encodePem } from '../../codec/pem.ts';
import { Secret } from '../../crypto/secret.ts';
import { SecretBox } from '../../crypto/symmetric/secret-box.ts';
import { generatePkcs8, type Signer, softwareSigner } from '../../crypto/keys/signer.ts';
import type { KeyName, KeyStore, SecretName, SecretStore, TlsKeyName } from '../../ports/key-store.ts';
import { createFileAtomic, MODE_SECRET } from '../files/atomic-file.ts';
import { makeFolder } from '../files/folder.ts';
import { readSecretFile } from '../files/secret-file.ts';
import { systemRandom } from '../machine/system-random.ts';

const KEY_ENDING = '.key.box';
/** Sealed beside the keys: tells a wrong passphrase from a damaged key, and gives all keys one slow derivation. */
const CHECK_FILE = 'check.box';
const CHECK_CONTEXT = 'chainmail key store';

/**
 * Private keys in a folder, one file a key, each sealed under the directory's passphrase.
 *
 * One slow derivation (scrypt) a store, at {@link open}. Files that others may read are refused, sealed or not: a
 * passphrase can be guessed at leisure from a copy.
 */
export class FileKeyStore implements KeyStore, SecretStore {
  readonly #folder: string;
  readonly #box: SecretBox;

  private constructor(folder: string, box: SecretBox) {
    this.#folder = folder;
    this.#box = box;
  }

  /**
   * Opens the folder, or makes it with mode 0700.
   * @throws ERR_PASSPHRASE_WRONG, ERR_KEY_FILE_MODE, ERR_STATE_CORRUPT.
   */
  static async open(folder: string, passphrase: Secret): Promise<FileKeyStore> {
    try {
      makeFolder(folder);
    } catch (error) {
      throw damaged(folder, messageOf(error));
    }
    const path = join(folder, CHECK_FILE);
    let check = readSecretFile(path);
    if (check === undefined) {
      // A new one would seal what comes under another salt, perhaps under a mistyped passphrase, beside keys that it opens not.
      if (readdirSync(folder).some((name) => name.endsWith(KEY_ENDING)))
        throw new MeshError('ERR_STATE_CORRUPT', `state file ${quotedPath(path)} is missing`, restore(path));
      const box = await SecretBox.create(passphrase, systemRandom);
      const sealed = box.seal(CHECK_CONTEXT, new Secret(utf8(CHECK_CONTEXT)));
      if (createFileAtomic(path, sealed, MODE_SECRET)) return new FileKeyStore(folder, box);
      check = readSecretFile(path); // another process was first
      if (check === undefined)
        throw new MeshError('ERR_STATE_CORRUPT', `key store ${quotedPath(folder)} changes under us`);
    }
    try {
      const box = await SecretBox.forBox(passphrase, check, systemRandom);
      box.open(CHECK_CONTEXT, check)[Symbol.dispose]();
      return new FileKeyStore(folder, box);
    } catch (error) {
      if (!isMeshError(error)) throw error;
      if (error.code !== 'ERR_PASSPHRASE_WRONG') throw damaged(path, error.message);
      throw new MeshError(
        'ERR_PASSPHRASE_WRONG',
        `the passphrase does not open the keys in ${quotedPath(folder)}`,
        `give the passphrase with which the directory was initialised; where it is right, ${restore(path)}`,
      );
    }
  }

  /** Whether a key lies in the folder, asked without the passphrase: nothing is opened or made. */
  static holds(folder: string, name: KeyName): boolean {
    return existsSync(pathOf(folder, name));
  }

  async has(name: KeyName): Promise<boolean> {
    return existsSync(this.whereIs(name));
  }

  async generate(name: KeyName): Promise<Signer> {
    const pkcs8 = generatePkcs8('P-256');
    try {
      using secret = new Secret(pkcs8);
      if (!createFileAtomic(pathOf(this.#folder, name), this.#box.seal(contextOf(name), secret), MODE_SECRET))
        throw new MeshError('ERR_DIR_EXISTS', `key ${name} exists in ${quotedPath(this.#folder)}`);
      return softwareSigner(pkcs8);
    } finally {
      pkcs8.fill(0);
    }
  }

  async open(name: KeyName): Promise<Signer> {
    using secret = await this.#read(name);
    return secret.use(softwareSigner);
  }

  async exportPem(name: TlsKeyName): Promise<string> {
    using secret = await this.#read(name);
    return secret.use((pkcs8) => encodePem('PRIVATE KEY', pkcs8));
  }

  whereIs(name: KeyName): string {
    return pathOf(this.#folder, name);
  }

  async hasSecret(name: SecretName): Promise<boolean> {
    return existsSync(pathOf(this.#folder, name));
  }

  async keepSecret(name: SecretName, secret: Secret): Promise<void> {
    if (!createFileAtomic(pathOf(this.#folder, name), this.#box.seal(contextOf(name), secret), MODE_SECRET))
      throw new MeshError('ERR_DIR_EXISTS', `secret ${name} exists in ${quotedPath(this.#folder)}`);
  }

  openSecret(name: SecretName): Promise<Secret> {
    return this.#read(name);
  }

  async #read(name: KeyName | SecretName): Promise<Secret> {
    const path = pathOf(this.#folder, name);
    const sealed = readSecretFile(path);
    if (sealed === undefined)
      throw new MeshError('ERR_KEY_MISSING', `key file ${quotedPath(path)} is missing`, restore(path));
    try {
      return this.#box.open(contextOf(name), sealed);
    } catch (error) {
      if (!isMeshError(error)) throw error;
      throw damaged(path, 'the passphrase opens the store, but not this key'); // so it is not the passphrase
    }
  }
}

function pathOf(folder: string, name: KeyName | SecretName): string {
  return join(folder, `${name}${KEY_ENDING}`);
}

function damaged(path: string, what: string): MeshError {
  return new MeshError('ERR_STATE_CORRUPT', `state file ${quotedPath(path)} is damaged: ${what}`, restore(path));
}

function restore(path: string): string {
  return `restore ${path} from a backup`;
}

function contextOf(name: KeyName | SecretName): string {
  return `chainmail private key ${name}`;
}
