import { type Bytes, compareBytes, toHex } from '../../base/bytes.ts';

/** Order of the group (SEC 2 section 2.4.1). */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
/** Half the order of the group, rounded down (SEC 2 section 2.4.1). */
const HALF_ORDER: Bytes = Uint8Array.fromHex('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0');

/**
 * Whether the s of r (32) || s (32) … is the low one of the two that verify. Only that one is ours: otherwise anybody
 * could turn a signature into another of the same message (T11).
 */
export function isLowS(signature: Bytes): boolean {
  return compareBytes(signature.subarray(32, 64), HALF_ORDER) <= 0;
}

/** Replaces the s of r (32) || s (32) … in place by the low one of the two that verify. */
export function lowerS(signature: Bytes): void {
  if (isLowS(signature)) return;
  const s = BigInt(`0x${toHex(signature.subarray(32, 64))}`);
  signature.set(Uint8Array.fromHex((ORDER - s).toString(16).padStart(64, '0')), 32);
}
