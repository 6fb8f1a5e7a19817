import { createECDH } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { plainBytes } from '../plain-bytes.ts';
import type { Secret } from '../secret.ts';

export const SECP256K1_KEY_BYTES = 32;

/**
 * The public key of a private one, uncompressed.
 * @throws ERR_KEY where the bytes are no scalar in `[1, n - 1]` of secp256k1.
 */
export function secp256k1PublicKey(key: Secret): Bytes {
  return key.use((bytes) => {
    if (bytes.length !== SECP256K1_KEY_BYTES) throw notAKey(`has ${bytes.length} bytes, expected 32`);
    const ecdh = createECDH('secp256k1');
    try {
      ecdh.setPrivateKey(bytes);
    } catch {
      throw notAKey('is zero or not below the order of the group');
    }
    return plainBytes(ecdh.getPublicKey(null, 'uncompressed'));
  });
}

function notAKey(what: string): MeshError {
  return new MeshError('ERR_KEY', `private key of secp256k1 ${what}`);
}
