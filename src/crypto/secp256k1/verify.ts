import { createPublicKey, verify as cryptoVerify } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { bitString, oid, sequence } from '../../codec/der-writer.ts';
import { OID } from '../../codec/oid.ts';
import type { Digest } from '../symmetric/mac.ts';
import { isLowS } from './signature.ts';

const POINT_BYTES = 65;
const IDENTIFIER = sequence(oid(OID.ecPublicKey), oid(OID.secp256k1));

/**
 * Whether `r(32) ‖ s(32)` signs the digest of the data with this key of secp256k1. All of ours is SHA-256.
 *
 * @param point `0x04 ‖ x ‖ y`.
 * @param halves `low` for everything of ours: else anybody makes a second signature out of the first (T11). `both` for
 *   foreign formats that take both.
 * @throws ERR_KEY for a point off the curve.
 */
export function verifySecp256k1(
  point: Bytes,
  digest: Digest,
  data: Bytes,
  signature: Bytes,
  halves: 'low' | 'both',
): boolean {
  if (point.length !== POINT_BYTES || point[0] !== 0x04)
    throw new MeshError('ERR_KEY', 'public key of secp256k1: expected an uncompressed point');
  const spki = sequence(IDENTIFIER, bitString(point));
  let key: ReturnType<typeof createPublicKey>;
  try {
    key = createPublicKey({ key: spki as Buffer, format: 'der', type: 'spki' });
  } catch (error) {
    throw new MeshError('ERR_KEY', 'public key of secp256k1: not on the curve', undefined, { cause: error });
  }
  if (signature.length !== 64 || (halves === 'low' && !isLowS(signature))) return false;
  return cryptoVerify(digest, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
}
