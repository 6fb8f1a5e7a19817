import type { Bytes } from '../base/bytes.ts';
import type { PointCurve } from '../crypto/curve/scalar.ts';

/**
 * Adds `scalar·G` to a public point: the one costly step of deriving a child's public key. `addScalarToPoint` of
 * `crypto/` does it everywhere; a native library does it ten times as fast.
 *
 * @param point compressed or not.
 * @param scalar 32 bytes.
 * @returns compressed; `undefined` where the scalar is not below the order, or the sum is the point at infinity.
 */
export type AddScalarToPoint = (curve: PointCurve, point: Bytes, scalar: Bytes) => Bytes | undefined;
