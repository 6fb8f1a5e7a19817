import { createECDH, ECDH } from 'node:crypto';
import { type Bytes, bytesEqual, concatBytes, fromHex, toHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { plainBytes } from '../plain-bytes.ts';
import { isBelowOrder, isPrivateScalar, type PointCurve } from './scalar.ts';

export const COMPRESSED_POINT_BYTES = 33;
export const UNCOMPRESSED_POINT_BYTES = 65;

const OPENSSL_NAME: Readonly<Record<PointCurve, string>> = { secp256k1: 'secp256k1', 'P-256': 'prime256v1' };

/** `y² = x³ + ax + b` over the integers modulo p (SEC 2 sections 2.4.1 and 2.4.2); addition does not need b. */
const FIELDS: Readonly<Record<PointCurve, { readonly p: bigint; readonly a: bigint }>> = {
  secp256k1: { p: 2n ** 256n - 2n ** 32n - 977n, a: 0n },
  'P-256': { p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n, a: -3n },
};

/**
 * The public key of a private one, as `02 or 03 ‖ x`.
 * @throws ERR_KEY_RANGE where the bytes are no number from 1 to n - 1.
 */
export function pointOfScalar(curve: PointCurve, scalar: Bytes): Bytes {
  if (!isPrivateScalar(curve, scalar))
    throw new MeshError('ERR_KEY_RANGE', 'private key is not a number from 1 to the order of the group less 1');
  const ecdh = createECDH(OPENSSL_NAME[curve]);
  ecdh.setPrivateKey(scalar);
  return plainBytes(ecdh.getPublicKey(null, 'compressed'));
}

/** `02 or 03 ‖ x` of a point in either form. @throws ERR_KEY_POINT for what is no point of the curve. */
export function compressPoint(curve: PointCurve, point: Bytes): Bytes {
  return convert(curve, point, 'compressed');
}

/** `04 ‖ x ‖ y` of a point in either form. @throws ERR_KEY_POINT for what is no point of the curve. */
export function uncompressPoint(curve: PointCurve, point: Bytes): Bytes {
  return convert(curve, point, 'uncompressed');
}

/**
 * `point + scalar·G`, where no faster library is at hand: OpenSSL multiplies, the one addition is done here. Everything
 * in it is public, so the time it takes may depend on it.
 *
 * @param scalar 32 bytes.
 * @returns compressed; `undefined` where the scalar is not below the order, or the sum is the point at infinity.
 * @throws ERR_KEY_POINT for what is no point of the curve.
 */
export function addScalarToPoint(curve: PointCurve, point: Bytes, scalar: Bytes): Bytes | undefined {
  const augend = uncompressPoint(curve, point);
  if (!isBelowOrder(curve, scalar)) return undefined;
  if (!isPrivateScalar(curve, scalar)) return compressPoint(curve, augend); // zero adds nothing
  const ecdh = createECDH(OPENSSL_NAME[curve]);
  ecdh.setPrivateKey(scalar);
  const addend = plainBytes(ecdh.getPublicKey(null, 'uncompressed'));
  return addPoints(curve, augend, addend);
}

function addPoints(curve: PointCurve, left: Bytes, right: Bytes): Bytes | undefined {
  const { p, a } = FIELDS[curve];
  const [x1, y1, x2, y2] = [xOf(left), yOf(left), xOf(right), yOf(right)];
  if (x1 === x2 && !bytesEqual(left, right)) return undefined;
  const slope = x1 === x2 ? (3n * x1 * x1 + a) * invert(2n * y1, p) : (y2 - y1) * invert(x2 - x1, p);
  const x = modulo(slope * slope - x1 - x2, p);
  const y = modulo(slope * (x1 - x) - y1, p);
  return concatBytes(Uint8Array.of(0x02 | Number(y & 1n)), fromHex(x.toString(16).padStart(64, '0')));
}

function xOf(point: Bytes): bigint {
  return BigInt(`0x${toHex(point.subarray(1, 33))}`);
}

function yOf(point: Bytes): bigint {
  return BigInt(`0x${toHex(point.subarray(33))}`);
}

function modulo(value: bigint, p: bigint): bigint {
  const rest = value % p;
  return rest < 0n ? rest + p : rest;
}

/** The inverse of a number that is not 0 modulo a prime, by Euclid's extended algorithm. */
function invert(value: bigint, p: bigint): bigint {
  let [a, b, x, y] = [modulo(value, p), p, 1n, 0n];
  while (a !== 0n) {
    const quotient = b / a;
    [a, b] = [b - quotient * a, a];
    [x, y] = [y - quotient * x, x];
  }
  return modulo(y, p);
}

function convert(curve: PointCurve, point: Bytes, form: 'compressed' | 'uncompressed'): Bytes {
  const [prefix] = point;
  // The hybrid forms 06 and 07 OpenSSL would take: one point, one text in each of two forms.
  const isOfAForm =
    (point.length === COMPRESSED_POINT_BYTES && (prefix === 0x02 || prefix === 0x03)) ||
    (point.length === UNCOMPRESSED_POINT_BYTES && prefix === 0x04);
  if (!isOfAForm)
    throw new MeshError('ERR_KEY_POINT', 'public key is no point of 33 bytes after 02 or 03, or of 65 bytes after 04');
  try {
    return plainBytes(ECDH.convertKey(point, OPENSSL_NAME[curve], undefined, undefined, form));
  } catch {
    throw new MeshError('ERR_KEY_POINT', `public key is not on the curve ${curve}`);
  }
}
