import { addScalarToPoint } from '../../crypto/curve/curve-point.ts';
import type { AddScalarToPoint } from '../../ports/point-adder.ts';
import { type Curve, type CurveName, loadCurve } from './curve.ts';

/** Fastest first. */
const CURVES: readonly CurveName[] = ['npm', 'wasm'];

/** The fastest addition of points that works on this machine: libsecp256k1 for its curve, OpenSSL for P-256. */
export async function openPointAdder(names: readonly CurveName[] = CURVES): Promise<AddScalarToPoint> {
  const secp256k1 = await firstOf(names);
  if (secp256k1 === undefined) return addScalarToPoint;
  return (curve, point, scalar) =>
    curve === 'secp256k1' ? secp256k1.addScalar(point, scalar) : addScalarToPoint(curve, point, scalar);
}

/**
 * As {@link openPointAdder}, for a process that may never need it: the library, 1 MiB, is loaded when the first point of
 * its curve comes. OpenSSL adds that one, and those that come until it is there.
 */
export function pointAdderOnDemand(names: readonly CurveName[] = CURVES): AddScalarToPoint {
  let add: AddScalarToPoint | undefined;
  return (curve, point, scalar) => {
    if (add !== undefined) return add(curve, point, scalar);
    if (curve === 'secp256k1') {
      add = addScalarToPoint;
      void openPointAdder(names).then((fastest) => {
        add = fastest;
      });
    }
    return addScalarToPoint(curve, point, scalar);
  };
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
