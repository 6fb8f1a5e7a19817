import { createPublicKey } from 'node:crypto';
import { type Bytes, fromHex, textOfUtf8 } from '../../base/bytes.ts';
import { isMeshError, MeshError, quoted } from '../../base/errors.ts';
import { readInputFile } from '../../host/files/input-file.ts';
import { readSecretFile } from '../../host/files/secret-file.ts';
import type { DelegateKey } from '../../identity/delegate/delegate-key.ts';
import { subtreeKeyOf } from '../../identity/delegate/subtree.ts';
import { isExtendedKey } from '../../identity/key-tree/extended-key-text.ts';
import { parseStatementPem } from '../../message/statement-pem.ts';
import { compressed, type DelegateSigner, delegateSignerOf, rawKeyOf } from './signer.ts';

/** Largest file that is read for a key or a statement. */
export const DELEGATE_FILE_BYTES_MAX = 16 * 1024;

/** The signer of a key file: PEM as this program or OpenSSL writes it, or the xprv of a subtree. @throws ERR_KEY, ERR_KEY_FILE_MODE */
export function openDelegateSigner(path: string): DelegateSigner {
  const bytes = readSecretFile(path);
  if (bytes === undefined) throw new MeshError('ERR_KEY', `key file ${quoted(path)} is missing`);
  try {
    return delegateSignerOf(textOfUtf8(bytes));
  } finally {
    bytes.fill(0);
  }
}

/**
 * A public key: a PEM file, hex with its curve before it, as `P-256:02…`, or the `xpub…` of a subtree.
 * @throws ERR_DELEGATE_KEY; ERR_KEY_... for an xpub
 */
export function readDelegateKey(text: string): DelegateKey {
  if (isExtendedKey(text)) return subtreeKeyOf(text);
  const hex = /^(P-256|Ed25519|secp256k1):((?:[0-9a-f]{2})+)$/i.exec(text);
  if (hex !== null) {
    const curve = (['P-256', 'Ed25519', 'secp256k1'] as const).find(
      (name) => name.toLowerCase() === hex[1]?.toLowerCase(),
    );
    const bytes = fromHex(hex[2] as string);
    return curve === 'Ed25519' || curve === undefined
      ? { curve: 'Ed25519', bytes }
      : { curve, bytes: compressed(curve, bytes) };
  }
  try {
    return rawKeyOf(createPublicKey(textOfUtf8(readInputFile(text, DELEGATE_FILE_BYTES_MAX))));
  } catch (error) {
    if (isMeshError(error)) throw error;
    throw new MeshError(
      'ERR_DELEGATE_KEY',
      `${quoted(text)} holds no public key as PEM`,
      'openssl pkey -pubout -in KEY',
    );
  }
}

/** The statement in a file, PEM or the bare bytes. @throws ERR_DELEGATE_MALFORMED */
export function readStatement(path: string): Bytes {
  const bytes = readInputFile(path, DELEGATE_FILE_BYTES_MAX);
  const [first] = bytes;
  if (first === undefined || first >= 0x80) return bytes;
  return parseStatementPem(textOfUtf8(bytes));
}
