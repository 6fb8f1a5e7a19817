import { createPrivateKey, sign as cryptoSign } from 'node:crypto';
import { type Bytes, concatBytes } from '../../base/bytes.ts';
import { context, octetString, oid, sequence, unsignedInteger } from '../../codec/der-writer.ts';
import { OID } from '../../codec/oid.ts';
import { plainBytes } from '../plain-bytes.ts';
import { negateScalar } from '../curve/scalar.ts';
import { isLowS } from './signature.ts';
import type { Secret } from '../secret.ts';

/**
 * `r(32) ‖ s(32)` over the SHA-256 of the data, s in its low half (T11). Randomised.
 * @param key 32 bytes, from 1 to n - 1; no copy of them is left in memory that JavaScript has.
 */
export function signSecp256k1Sha256(key: Secret, data: Bytes): Bytes {
  const der = key.use(sec1Of);
  try {
    const input = createPrivateKey({ key: der as Buffer, format: 'der', type: 'sec1' });
    return withLowS(plainBytes(cryptoSign('sha256', data, { key: input, dsaEncoding: 'ieee-p1363' })));
  } finally {
    der.fill(0);
  }
}

/** The one of the two signatures that we make. */
export function withLowS(signature: Bytes): Bytes {
  if (isLowS(signature)) return signature;
  return concatBytes(signature.subarray(0, 32), negateScalar('secp256k1', signature.subarray(32)));
}

/** `ECPrivateKey` (RFC 5915 section 3), without the public key. */
function sec1Of(scalar: Bytes): Bytes {
  const key = octetString(scalar);
  const der = sequence(unsignedInteger(1), key, context(0, oid(OID.secp256k1)));
  key.fill(0);
  return der;
}
