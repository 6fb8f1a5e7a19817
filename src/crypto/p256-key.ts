import { createECDH, createPrivateKey } from 'node:crypto';
import { type Bytes, fromHex, toBase64Url } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { OID } from '../codec/oid.ts';
import { bitString, oid, sequence } from '../codec/der-writer.ts';
import { P256_COORDINATE_BYTES } from './ecdsa-signature.ts';
import { plainBytes } from './plain-bytes.ts';

/** The order of the group less 2 (SEC 2 section 2.4.2), big-endian. */
const ORDER_LESS_2 = fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63254f');

/**
 * `candidate + 1` where the candidate is not above n - 2, so that the result is a private key of P-256; else
 * `undefined`. Every byte is looked at, whatever it is: the candidate is a secret.
 */
export function p256ScalarAfter(candidate: Bytes): Bytes | undefined {
  const scalar = new Uint8Array(P256_COORDINATE_BYTES);
  let borrow = 0;
  let carry = 1;
  for (let i = P256_COORDINATE_BYTES - 1; i >= 0; i--) {
    borrow = ((ORDER_LESS_2[i] as number) - (candidate[i] as number) - borrow) >>> 31;
    carry += candidate[i] as number;
    scalar[i] = carry & 0xff;
    carry >>= 8;
  }
  return borrow === 0 ? scalar : undefined;
}

/**
 * The public key of a private one, `04 ‖ x ‖ y`.
 * @throws ERR_KEY where the bytes are no number in `[1, n - 1]`.
 */
export function p256PublicPoint(scalar: Bytes): Bytes {
  if (scalar.length !== P256_COORDINATE_BYTES) throw notAKey(`has ${scalar.length} bytes, expected 32`);
  const ecdh = createECDH('prime256v1');
  try {
    ecdh.setPrivateKey(scalar);
  } catch {
    throw notAKey('is zero or not below the order of the group');
  }
  return plainBytes(ecdh.getPublicKey(null, 'uncompressed'));
}

/** SubjectPublicKeyInfo of an uncompressed point (RFC 5480); whether it is on the curve is for `PublicKey` to find out. */
export function p256Spki(point: Bytes): Bytes {
  return sequence(sequence(oid(OID.ecPublicKey), oid(OID.p256)), bitString(point));
}

/** PKCS#8 of a private key; a secret, which the caller wipes. @throws ERR_KEY as {@link p256PublicPoint}. */
export function p256Pkcs8(scalar: Bytes): Bytes {
  const point = p256PublicPoint(scalar);
  const coordinate = (at: number): string => toBase64Url(point.subarray(at, at + P256_COORDINATE_BYTES));
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: toBase64Url(scalar),
    x: coordinate(1),
    y: coordinate(1 + P256_COORDINATE_BYTES),
  };
  return plainBytes(createPrivateKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'pkcs8' }));
}

function notAKey(what: string): MeshError {
  return new MeshError('ERR_KEY', `private key of P-256 ${what}`);
}
