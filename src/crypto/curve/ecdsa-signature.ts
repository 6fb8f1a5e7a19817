import { type Bytes, concatBytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { readOnly } from '../../codec/der-reader.ts';
import { TAG } from '../../codec/der-tag.ts';
import { sequence, unsignedInteger } from '../../codec/der-writer.ts';

/** Octets of one coordinate of P-256. */
export const P256_COORDINATE_BYTES = 32;

/** `r(32) ‖ s(32)`, as COSE has it, to `SEQUENCE { r, s }`, as X.509 has it (RFC 3279 section 2.2.3). */
export function ecdsaRawToDer(raw: Bytes): Bytes {
  const half = raw.length / 2;
  return sequence(unsignedInteger(raw.subarray(0, half)), unsignedInteger(raw.subarray(half)));
}

/**
 * As {@link ecdsaRawToDer} for the 64 bytes of a P-256 signature, in one piece: cheaper than to have OpenSSL read
 * `r ‖ s`, which weighs where thousands of messages a second are checked.
 */
export function p256RawToDer(raw: Bytes): Bytes {
  const rFrom = significantFrom(raw, 0);
  const sFrom = significantFrom(raw, P256_COORDINATE_BYTES);
  const rBytes = integerBytes(raw, rFrom, P256_COORDINATE_BYTES);
  const sBytes = integerBytes(raw, sFrom, 2 * P256_COORDINATE_BYTES);
  const der = new Uint8Array(6 + rBytes + sBytes);
  der[0] = TAG.sequence;
  der[1] = 4 + rBytes + sBytes; // at most 70, so one octet
  der[2] = TAG.integer;
  der[3] = rBytes;
  der[4 + rBytes] = TAG.integer;
  der[5 + rBytes] = sBytes;
  copyEnd(raw, rFrom, P256_COORDINATE_BYTES, der, 4 + rBytes);
  copyEnd(raw, sFrom, 2 * P256_COORDINATE_BYTES, der, 6 + rBytes + sBytes);
  return der;
}

/** Where the number that fills one coordinate begins without its leading zeros; the last octet stays whatever it is. */
function significantFrom(raw: Bytes, from: number): number {
  let at = from;
  while (at < from + P256_COORDINATE_BYTES - 1 && raw[at] === 0) at++;
  return at;
}

/** Octets of the INTEGER: one more where the first has its high bit set. */
function integerBytes(raw: Bytes, from: number, end: number): number {
  return end - from + ((raw[from] as number) >> 7);
}

function copyEnd(raw: Bytes, from: number, end: number, out: Bytes, outEnd: number): void {
  for (let at = end - 1, to = outEnd - 1; at >= from; at--, to--) out[to] = raw[at] as number;
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
