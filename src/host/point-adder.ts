import { addScalarToPoint } from '../crypto/curve-point.ts';
import type { AddScalarToPoint } from '../ports/point-adder.ts';
import { type Curve, type CurveName, loadCurve } from './signer/curve.ts';

/** Fastest first. */
const CURVES: readonly CurveName[] = ['npm', 'wasm'];

/** The fastest addition of points that works on this machine: libsecp256k1 for its curve, OpenSSL for P-256. */
export async function openPointAdder(names: readonly CurveName[] = CURVES): Promise<AddScalarToPoint> {
  const secp256k1 = await firstOf(names);
  if (secp256k1 === undefined) return addScalarToPoint;
  return (curve, point, scalar) =>
    curve === 'secp256k1' ? secp256k1.addScalar(point, scalar) : addScalarToPoint(curve, point, scalar);
}

async function firstOf(names: readonly CurveName[]): Promise<Curve | undefined> {
  for (const name of names) {
    try {
      return await loadCurve(name);
    } catch {
      // Not built for this machine: the next one, and in the end what needs no library.
    }
  }
  return undefined;
}
