import { type Bytes, concatBytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { readOnly } from '../codec/der-reader.ts';
import { sequence, unsignedInteger } from '../codec/der-writer.ts';

/** Octets of one coordinate of P-256. */
export const P256_COORDINATE_BYTES = 32;

/** `r(32) ‖ s(32)`, as COSE has it, to `SEQUENCE { r, s }`, as X.509 has it (RFC 3279 section 2.2.3). */
export function ecdsaRawToDer(raw: Bytes): Bytes {
  const half = raw.length / 2;
  return sequence(unsignedInteger(raw.subarray(0, half)), unsignedInteger(raw.subarray(half)));
}

/**
 * The one DER form of an ECDSA signature to `r ‖ s`, each of `coordinateBytes`.
 *
 * @throws ERR_KEY for anything but that form, and for a number that does not fit the curve's octets.
 */
export function ecdsaDerToRaw(der: Bytes, coordinateBytes: number = P256_COORDINATE_BYTES): Bytes {
  try {
    return readOnly(der, (reader) => {
      const body = reader.sequence();
      const r = coordinate(body.integerBytes(), coordinateBytes);
      const s = coordinate(body.integerBytes(), coordinateBytes);
      body.end();
      return concatBytes(r, s);
    });
  } catch (error) {
    throw new MeshError('ERR_KEY', 'ECDSA signature is not a DER sequence of two numbers of the curve', undefined, {
      cause: error,
    });
  }
}

function coordinate(integer: Bytes, coordinateBytes: number): Bytes {
  const magnitude = integer[0] === 0 ? integer.subarray(1) : integer;
  if ((integer[0] as number) >= 0x80 || magnitude.length > coordinateBytes || magnitude.length === 0)
    throw new MeshError('ERR_KEY', 'number outside the curve');
  const out = new Uint8Array(coordinateBytes);
  out.set(magnitude, coordinateBytes - magnitude.length);
  return out;
}
