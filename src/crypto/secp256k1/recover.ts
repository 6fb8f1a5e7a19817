import type { Bytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { plainBytes } from '../plain-bytes.ts';
import type { Secret } from '../secret.ts';
import { curve } from './curve.ts';

/** `r(32) ‖ s(32) ‖ v(1)`: a signature of secp256k1 that tells who made it. */
export const RECOVERABLE_SIGNATURE_BYTES = 65;

/** `04 ‖ x(32) ‖ y(32)` */
export const SECP256K1_POINT_BYTES = 65;

/**
 * The public key, `04 ‖ x ‖ y`, under which `r ‖ s` signs the digest; `undefined` where there is none: another length,
 * v neither 0 nor 1, r or s zero or not below the order, r no abscissa of the curve, or the point at infinity.
 *
 * A key always comes out of a random signature, so the result means nothing before it is compared with a key or an
 * address that is expected. Both halves of s are accepted: nothing may be keyed on a signature (T11).
 *
 * @param digest 32 bytes.
 * @param signature 65 bytes; v as the recovery id, so without the 27 that wallets add.
 */
export function recoverSecp256k1(digest: Bytes, signature: Bytes): Bytes | undefined {
  const v = signature[64];
  if (signature.length !== RECOVERABLE_SIGNATURE_BYTES || (v !== 0 && v !== 1)) return undefined;
  try {
    const parts = curve().Signature.fromBytes(signature.subarray(0, 64), 'compact').addRecoveryBit(v);
    return parts.recoverPublicKey(digest).toBytes(false);
  } catch {
    return undefined; // out of range, off the curve or at infinity: no key made this
  }
}

/**
 * `r ‖ s ‖ v` over the digest itself: deterministic (RFC 6979), s in the low half, v 0 or 1.
 *
 * @param digest 32 bytes.
 * @throws ERR_KEY where the secret is no scalar in `[1, n - 1]`.
 */
export function signRecoverable(key: Secret, digest: Bytes): Bytes {
  const secp256k1 = curve();
  return key.use((bytes) => {
    if (!secp256k1.utils.isValidSecretKey(bytes))
      throw new MeshError('ERR_KEY', 'private key of secp256k1: expected a number from 1 to the order less 1');
    const vrs = secp256k1.sign(digest, bytes, { prehash: false, lowS: true, format: 'recovered' });
    const out = new Uint8Array(RECOVERABLE_SIGNATURE_BYTES);
    out.set(vrs.subarray(1));
    out[64] = vrs[0] as number;
    return out;
  });
}

/** Whether the bytes are `04 ‖ x ‖ y` of a point of secp256k1 that is not at infinity. */
export function isSecp256k1Point(bytes: Bytes): boolean {
  if (bytes.length !== SECP256K1_POINT_BYTES || bytes[0] !== 0x04) return false;
  try {
    curve().Point.fromBytes(plainBytes(bytes)).assertValidity();
    return true;
  } catch {
    return false;
  }
}
