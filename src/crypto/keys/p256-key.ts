import { createPrivateKey } from 'node:crypto';
import { type Bytes, EMPTY, toBase64Url } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { bitString, oid, sequence } from '../../codec/der-writer.ts';
import { OID } from '../../codec/oid.ts';
import { parsePem } from '../../codec/pem.ts';
import { pointOfScalar, uncompressPoint } from '../curve/curve-point.ts';
import { P256_COORDINATE_BYTES } from '../curve/ecdsa-signature.ts';
import { plainBytes } from '../plain-bytes.ts';
import { PublicKey } from './public-key.ts';

/** The public key of a private one, `04 ‖ x ‖ y`. @throws ERR_KEY_RANGE where the bytes are no number from 1 to n - 1. */
export function p256PublicPoint(scalar: Bytes): Bytes {
  return uncompressPoint('P-256', pointOfScalar('P-256', scalar));
}

/** SubjectPublicKeyInfo of an uncompressed point (RFC 5480); whether it is on the curve is for `PublicKey` to find out. */
export function p256Spki(point: Bytes): Bytes {
  return sequence(sequence(oid(OID.ecPublicKey), oid(OID.p256)), bitString(point));
}

/** PKCS#8 of a private key; a secret, which the caller wipes. @throws ERR_KEY_RANGE as {@link p256PublicPoint}. */
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

/** A public key of P-256 in PEM. @throws ERR_PEM, ERR_KEY */
export function readP256PublicKey(pem: string): PublicKey {
  const [spki = EMPTY] = parsePem(pem, 'PUBLIC KEY');
  const key = PublicKey.fromSpki(spki);
  if (key.algorithm !== 'P-256') throw new MeshError('ERR_KEY', `public key is ${key.algorithm}, expected P-256`);
  return key;
}
