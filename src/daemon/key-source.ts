import { type Bytes, fromHex, textOfUtf8 } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import type { Secret } from '../crypto/secret.ts';
import { readInputFile } from '../host/files/input-file.ts';
import { openPointAdder } from '../host/secp256k1/point-adder.ts';
import { derivePrivate, derivePublic, masterKeyOf } from '../identity/key-tree/child-key.ts';
import type { DerivationPath } from '../identity/key-tree/derivation-path.ts';
import { type ExtendedPrivateKey, ExtendedPublicKey } from '../identity/key-tree/extended-key.ts';
import { parseExtendedKey } from '../identity/key-tree/extended-key-text.ts';
import { MNEMONIC_CHARS_MAX, seedOfMnemonic } from '../identity/key-tree/mnemonic.ts';
import type { TreeCurve } from '../identity/key-tree/tree-curve.ts';

/** Where the key at the top of a tree comes from: one of the three. */
export interface KeySource {
  /** Hex of 16 to 64 bytes. */
  readonly seed?: string | undefined;
  /** File with the words of a mnemonic. */
  readonly mnemonicFile?: string | undefined;
  /** File whose first line is the passphrase of the mnemonic. */
  readonly mnemonicPassphraseFile?: string | undefined;
  /** `xprv…` or `xpub…`. */
  readonly key?: string | undefined;
  readonly curve?: TreeCurve | undefined;
}

/**
 * The key at the end of a path. An `xpub` leads to public keys only; everything else to private ones, which are the
 * caller's to dispose of.
 *
 * @throws ERR_USAGE unless just one source is named; ERR_KEY_… for a key, seed, mnemonic or path that leads nowhere.
 */
export async function deriveFrom(
  source: KeySource,
  path: DerivationPath,
): Promise<ExtendedPrivateKey | ExtendedPublicKey> {
  const top = topOf(source);
  if (top instanceof ExtendedPublicKey) return derivePublic(top, path, await openPointAdder());
  try {
    return derivePrivate(top, path);
  } finally {
    top[Symbol.dispose]();
  }
}

function topOf(source: KeySource): ExtendedPrivateKey | ExtendedPublicKey {
  const { seed, mnemonicFile, mnemonicPassphraseFile, key, curve } = source;
  if ([seed, mnemonicFile, key].filter((named) => named !== undefined).length !== 1)
    throw new MeshError('ERR_USAGE', 'one of --seed, --mnemonic-file and --key is expected');
  if (mnemonicPassphraseFile !== undefined && mnemonicFile === undefined)
    throw new MeshError('ERR_USAGE', '--mnemonic-passphrase-file needs --mnemonic-file');
  if (key !== undefined) {
    if (curve !== undefined && curve !== 'secp256k1')
      throw new MeshError('ERR_KEY_CURVE', 'an xprv or xpub is a key of secp256k1, whatever --curve says');
    return parseExtendedKey(key);
  }
  const bytes = seed === undefined ? undefined : seedOfHex(seed);
  if (bytes !== undefined) return wiping(bytes, () => masterKeyOf(curve ?? 'secp256k1', bytes));
  using secret = readMnemonicSeed(mnemonicFile as string, mnemonicPassphraseFile);
  return secret.use((whole) => masterKeyOf(curve ?? 'secp256k1', whole));
}

/** The words in a file. @throws ERR_KEY_MNEMONIC where it cannot be read. */
export function readMnemonic(path: string): string {
  return textOfUtf8(readKeyFile(path));
}

function readMnemonicSeed(path: string, passphrasePath: string | undefined): Secret {
  const passphrase = passphrasePath === undefined ? '' : firstLineOf(textOfUtf8(readKeyFile(passphrasePath)));
  return seedOfMnemonic(readMnemonic(path), passphrase);
}

function firstLineOf(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? '';
}

function readKeyFile(path: string): Bytes {
  return readInputFile(path, MNEMONIC_CHARS_MAX, 'ERR_KEY_MNEMONIC', 'check the path');
}

function seedOfHex(text: string): Bytes {
  try {
    return fromHex(text);
  } catch {
    // The text is not told: it is a secret.
    throw new MeshError('ERR_KEY_SEED', 'seed is not an even number of hex digits');
  }
}

function wiping<T>(bytes: Bytes, use: () => T): T {
  try {
    return use();
  } finally {
    bytes.fill(0);
  }
}
