import { type Bytes, fromHex } from '../../base/bytes.ts';

/** The curves that a key tree can add points on (SEC 2 section 2.4). */
export type PointCurve = 'secp256k1' | 'P-256';

export const SCALAR_BYTES = 32;

/** Orders of the groups (SEC 2 sections 2.4.1 and 2.4.2), big-endian. */
const ORDERS: Readonly<Record<PointCurve, Bytes>> = {
  secp256k1: fromHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'),
  'P-256': fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
};

/** True for 32 bytes that are a number below the order of the group. Looks at every byte, whatever they are. */
export function isBelowOrder(curve: PointCurve, scalar: Bytes): boolean {
  return scalar.length === SCALAR_BYTES && subtract(scalar, ORDERS[curve], new Uint8Array(SCALAR_BYTES)) === 1;
}

/** True for a private key: a number from 1 to n - 1. */
export function isPrivateScalar(curve: PointCurve, scalar: Bytes): boolean {
  let bits = 0;
  for (const byte of scalar) bits |= byte;
  return bits !== 0 && isBelowOrder(curve, scalar);
}

/**
 * `a + b mod n` of two numbers below n. On bytes and without branches on them: neither leaves copies of a key behind,
 * as BigInt would, nor tells it by time.
 *
 * @returns 32 bytes; the caller wipes them. All zeros where the sum is n.
 */
export function addScalars(curve: PointCurve, a: Bytes, b: Bytes): Bytes {
  const sum = new Uint8Array(SCALAR_BYTES);
  let carry = 0;
  for (let i = SCALAR_BYTES - 1; i >= 0; i--) {
    carry += (a[i] as number) + (b[i] as number);
    sum[i] = carry & 0xff;
    carry >>= 8;
  }
  const reduced = new Uint8Array(SCALAR_BYTES);
  const borrow = subtract(sum, ORDERS[curve], reduced);
  // The sum stays where it is below n: no carry out of the addition, and a borrow in the subtraction.
  const keep = -(borrow & (carry ^ 1)) & 0xff;
  for (let i = 0; i < SCALAR_BYTES; i++) sum[i] = ((sum[i] as number) & keep) | ((reduced[i] as number) & ~keep);
  reduced.fill(0);
  return sum;
}

/** `n - a`, for a from 1 to n - 1: the other half of s in a signature. */
export function negateScalar(curve: PointCurve, a: Bytes): Bytes {
  const negated = new Uint8Array(SCALAR_BYTES);
  subtract(ORDERS[curve], a, negated);
  return negated;
}

/** Writes `a - b` modulo 2^256. @returns the borrow, 0 or 1. */
function subtract(a: Bytes, b: Bytes, out: Uint8Array): 0 | 1 {
  let borrow = 0;
  for (let i = SCALAR_BYTES - 1; i >= 0; i--) {
    const difference = (a[i] as number) - (b[i] as number) - borrow;
    out[i] = difference & 0xff;
    borrow = (difference >> 8) & 1;
  }
  return borrow as 0 | 1;
}
