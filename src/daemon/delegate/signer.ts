import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as cryptoSign,
} from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';
import { MeshError, messageOf } from '../../base/errors.ts';
import { compressPoint } from '../../crypto/curve/curve-point.ts';
import { signSecp256k1Sha256, withLowS } from '../../crypto/secp256k1/sign.ts';
import type { DelegateCurve, DelegateKey } from '../../identity/delegate/delegate-key.ts';
import { subtreeIndexOf } from '../../identity/delegate/subtree.ts';
import { ckdPriv } from '../../identity/key-tree/child-key.ts';
import { ExtendedPrivateKey } from '../../identity/key-tree/extended-key.ts';
import { parseExtendedKey } from '../../identity/key-tree/extended-key-text.ts';

/** The names of the curves in PEM files, as OpenSSL has them. */
const CURVE_OF_OPENSSL: Readonly<Record<string, DelegateCurve>> = {
  prime256v1: 'P-256',
  'P-256': 'P-256',
  secp256k1: 'secp256k1',
};

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

/** The signer of the text of a key file: PEM as this program or OpenSSL writes it, or the xprv of a subtree. @throws ERR_KEY; ERR_KEY_... for an xprv */
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

/** The bytes of a key of Node.js. @throws ERR_DELEGATE_KEY for one that no delegate may have. */
export function rawKeyOf(key: KeyObject): DelegateKey {
  const spki = new Uint8Array(key.export({ format: 'der', type: 'spki' }));
  if (key.asymmetricKeyType === 'ed25519') return { curve: 'Ed25519', bytes: spki.slice(-32) };
  const curve = CURVE_OF_OPENSSL[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (curve === undefined || curve === 'Ed25519')
    throw new MeshError('ERR_DELEGATE_KEY', 'key of a delegate: expected P-256, Ed25519 or secp256k1');
  return { curve, bytes: compressed(curve, spki.slice(-65)) };
}

/** @throws ERR_DELEGATE_KEY for what is no point of the curve. */
export function compressed(curve: 'P-256' | 'secp256k1', point: Bytes): Bytes {
  try {
    return compressPoint(curve, point);
  } catch (error) {
    throw new MeshError('ERR_DELEGATE_KEY', messageOf(error));
  }
}
