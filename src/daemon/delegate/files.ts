import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as cryptoSign,
} from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { type Bytes, fromHex, textOfUtf8 } from '../../base/bytes.ts';
import { isMeshError, MeshError, messageOf, quoted } from '../../base/errors.ts';
import { compressPoint } from '../../crypto/curve-point.ts';
import { signSecp256k1Sha256, withLowS } from '../../crypto/secp256k1/sign.ts';
import { readSecretFile } from '../../host/files/secret-file.ts';
import type { DelegateCurve, DelegateKey } from '../../identity/delegate/delegate-key.ts';
import { subtreeIndexOf, subtreeKeyOf } from '../../identity/delegate/subtree.ts';
import { ckdPriv } from '../../identity/key-tree/child-key.ts';
import { ExtendedPrivateKey } from '../../identity/key-tree/extended-key.ts';
import { isExtendedKey, parseExtendedKey } from '../../identity/key-tree/extended-key-text.ts';
import { parseStatementPem } from '../../message/statement-pem.ts';

/** The names of the curves in PEM files, as OpenSSL has them. */
const CURVE_OF_OPENSSL: Readonly<Record<string, DelegateCurve>> = {
  prime256v1: 'P-256',
  'P-256': 'P-256',
  secp256k1: 'secp256k1',
};

/** Largest file that is read for a key or a statement. */
export const FILE_BYTES_MAX = 16 * 1024;

/** A device's own key, as it signs messages: with this program, and beside it. */
export interface DelegateSigner {
  readonly key: DelegateKey;
  /** 64 bytes: `r ‖ s`, or those of Ed25519. @param incarnation of the stream: in a subtree each has a key of its own. */
  sign(data: Bytes, incarnation: number): Bytes;
}

/** A new key for a device, PKCS#8 PEM: a secret. */
export function generateDelegateKey(curve: DelegateCurve): string {
  const pair =
    curve === 'Ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: curve === 'P-256' ? 'prime256v1' : 'secp256k1' });
  return pair.privateKey.export({ format: 'pem', type: 'pkcs8' });
}

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

/** As {@link openDelegateSigner}, of the text itself. @throws ERR_KEY; ERR_KEY_... for an xprv */
export function delegateSignerOf(text: string): DelegateSigner {
  return text.trimStart().startsWith('xprv') ? openSubtree(text.trim()) : openPem(text);
}

function openPem(pem: string): DelegateSigner {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch {
    throw new MeshError('ERR_KEY', 'the key of a delegate is no private key as PEM'); // the cause may quote it
  }
  const key = rawKeyOf(createPublicKey(privateKey));
  return {
    key,
    sign: (data) => {
      if (key.curve === 'Ed25519') return new Uint8Array(cryptoSign(null, data, privateKey));
      const signature = new Uint8Array(cryptoSign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
      return key.curve === 'secp256k1' ? withLowS(signature) : signature;
    },
  };
}

/** The signer of a subtree. Each child's key is in memory for one signature. */
function openSubtree(xprv: string): DelegateSigner {
  const root = parseExtendedKey(xprv);
  if (!(root instanceof ExtendedPrivateKey)) throw new MeshError('ERR_KEY', 'the key of a subtree is no xprv');
  const { curve, chainCode, publicKey } = root.public;
  if (curve !== 'secp256k1') throw new MeshError('ERR_KEY', `the key of a subtree is one of ${curve}`);
  return {
    key: { curve, bytes: publicKey, chainCode },
    sign: (data, incarnation) => {
      using child = ckdPriv(root, subtreeIndexOf(incarnation));
      return signSecp256k1Sha256(child.privateKey, data);
    },
  };
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
    return rawKeyOf(createPublicKey(textOfUtf8(readSmall(text))));
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
  const bytes = readSmall(path);
  const [first] = bytes;
  if (first === undefined || first >= 0x80) return bytes;
  return parseStatementPem(textOfUtf8(bytes));
}

function rawKeyOf(key: KeyObject): DelegateKey {
  const spki = new Uint8Array(key.export({ format: 'der', type: 'spki' }));
  if (key.asymmetricKeyType === 'ed25519') return { curve: 'Ed25519', bytes: spki.slice(-32) };
  const curve = CURVE_OF_OPENSSL[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (curve === undefined || curve === 'Ed25519')
    throw new MeshError('ERR_DELEGATE_KEY', 'key of a delegate: expected P-256, Ed25519 or secp256k1');
  return { curve, bytes: compressed(curve, spki.slice(-65)) };
}

function compressed(curve: 'P-256' | 'secp256k1', point: Bytes): Bytes {
  try {
    return compressPoint(curve, point);
  } catch (error) {
    throw new MeshError('ERR_DELEGATE_KEY', messageOf(error));
  }
}

function readSmall(path: string): Bytes {
  try {
    if (statSync(path).size > FILE_BYTES_MAX) throw new MeshError('ERR_INPUT', `file ${quoted(path)} is too large`);
    return readFileSync(path);
  } catch (error) {
    if (isMeshError(error)) throw error;
    throw new MeshError('ERR_INPUT', `file ${quoted(path)} cannot be read: ${messageOf(error)}`);
  }
}
