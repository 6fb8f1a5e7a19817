import { textOfUtf8 } from '../../base/bytes.ts';
import { MeshError, quotedPath } from '../../base/errors.ts';
import { Secret } from '../../crypto/secret.ts';
import { secp256k1PublicKey } from '../../crypto/secp256k1/key.ts';
import type { Random } from '../../ports/random.ts';
import { createFileAtomic, MODE_SECRET } from '../files/atomic-file.ts';
import { readSecretFile } from '../files/secret-file.ts';

/**
 * The private key of a wallet, 64 hex digits, 0x before them or not.
 * @throws ERR_KEY_FILE_MODE where others may read it; ERR_KEY where it is missing, and for anything but a key of secp256k1.
 */
export function readWalletFile(path: string): Secret {
  const content = readSecretFile(path);
  const text = content === undefined ? '' : textOfUtf8(content).trim();
  content?.fill(0);
  if (!/^(0x)?[0-9a-fA-F]{64}$/.test(text))
    throw new MeshError('ERR_KEY', `wallet ${quotedPath(path)} is missing, or not 64 hex digits`);
  const key = Uint8Array.fromHex(text.slice(-64));
  const secret = new Secret(key);
  key.fill(0);
  secp256k1PublicKey(secret); // says where it is no key
  return secret;
}

/**
 * The private key of a node's wallet, in hex, as River's nodes keep theirs; made where the file is missing, mode 0600.
 *
 * @throws ERR_KEY_FILE_MODE where others may read it; ERR_KEY for anything but a key of secp256k1.
 */
export function openWalletFile(path: string, random: Random): Secret {
  if (readSecretFile(path) === undefined) createFileAtomic(path, `${newWalletHex(random)}\n`, MODE_SECRET);
  return readWalletFile(path);
}

function newWalletHex(random: Random): string {
  using key = newWalletKey(random);
  return key.use((bytes) => bytes.toHex());
}

/** The private key of a wallet that nobody has had before. */
export function newWalletKey(random: Random): Secret {
  for (;;) {
    const key = new Secret(random.bytes(32));
    try {
      secp256k1PublicKey(key);
      return key;
    } catch {
      // zero or not below the order: once in 2^128
    }
  }
}
