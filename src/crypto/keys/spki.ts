import { type Bytes, fromHex, startsWith } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { readOnly } from '../../codec/der-reader.ts';
import { bitString, oid, sequence } from '../../codec/der-writer.ts';
import { OID } from '../../codec/oid.ts';
import { uncompressPoint } from '../curve/curve-point.ts';

/**
 * Kinds of public key that this program can check signatures with. Messages and mesh certificates use the first two;
 * secp256k1 is for delegates and wallets, and never in a SubjectPublicKeyInfo that a stranger sends.
 */
export type KeyAlgorithm = 'P-256' | 'Ed25519' | 'secp256k1' | 'P-384' | 'P-521' | 'RSA' | 'RSA-PSS';

/** Longest SubjectPublicKeyInfo that is looked at: RSA of {@link RSA_BITS_MAX} bits. */
export const SPKI_BYTES_MAX = 2_200;

/** Shortest modulus of RSA that is accepted: below is weak (NIST SP 800-131A). */
export const RSA_BITS_MIN = 2_048;
/** Longest modulus of RSA that is accepted: beyond, a check costs milliseconds and convinces nobody more. */
export const RSA_BITS_MAX = 16_384;

/** Octets of an uncompressed point, `0x04 ‖ x ‖ y`. */
const POINT_BYTES = { 'P-256': 65, 'P-384': 97, 'P-521': 133 } as const;

const CURVES: ReadonlyMap<string, keyof typeof POINT_BYTES> = new Map([
  [OID.p256, 'P-256'],
  [OID.p384, 'P-384'],
  [OID.p521, 'P-521'],
]);

/** What comes before the coordinates of a point of P-256, and before the 32 octets of Ed25519: the keys of this mesh. */
const P256_PREFIX = fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004');
const P256_SPKI_BYTES = P256_PREFIX.length + 64;
const ED25519_PREFIX = fromHex('302a300506032b6570032100');
const ED25519_SPKI_BYTES = ED25519_PREFIX.length + 32;

/**
 * The kind of key in a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), whose shape is checked to the last byte.
 * Whether a point lies on its curve is for {@link PublicKey} to find out.
 *
 * Takes one encoding per key, because node ids are hashes of it: named curves, uncompressed points (RFC 5480),
 * absent parameters for Ed25519 (RFC 8410), NULL ones for RSA (RFC 3279).
 *
 * @throws ERR_KEY
 */
export function keyAlgorithmOf(spki: Bytes): KeyAlgorithm {
  if (spki.length === P256_SPKI_BYTES && startsWith(spki, P256_PREFIX)) return 'P-256';
  if (spki.length === ED25519_SPKI_BYTES && startsWith(spki, ED25519_PREFIX)) return 'Ed25519';
  if (spki.length > SPKI_BYTES_MAX) throw new MeshError('ERR_KEY', `public key is longer than ${SPKI_BYTES_MAX} bytes`);
  let found: KeyAlgorithm | undefined;
  try {
    found = readOnly(spki, (reader) => {
      const body = reader.sequence();
      const identifier = body.sequence();
      const key = body.bitStringOctets();
      body.end();
      const oid = identifier.oid();
      if (oid === OID.ecPublicKey) {
        const curve = CURVES.get(identifier.oid());
        identifier.end();
        return curve !== undefined && key.length === POINT_BYTES[curve] && key[0] === 0x04 ? curve : undefined;
      }
      if (oid === OID.ed25519) {
        identifier.end();
        return key.length === 32 ? 'Ed25519' : undefined;
      }
      if (oid === OID.rsaEncryption || oid === OID.rsaPss) {
        if (oid === OID.rsaEncryption) {
          identifier.null();
          identifier.end();
        }
        return isAcceptableRsa(key) ? (oid === OID.rsaPss ? 'RSA-PSS' : 'RSA') : undefined;
      }
      return undefined;
    });
  } catch (error) {
    throw new MeshError('ERR_KEY', 'public key is not a SubjectPublicKeyInfo of a known form', undefined, {
      cause: error,
    });
  }
  if (found === undefined) throw new MeshError('ERR_KEY', 'public key is of an unsupported kind, curve, form or size');
  return found;
}

/**
 * The SubjectPublicKeyInfo of a compressed point, or of the 32 bytes of Ed25519.
 * @throws ERR_KEY_POINT for what is no point of the curve.
 */
export function spkiOfRaw(algorithm: 'P-256' | 'Ed25519' | 'secp256k1', bytes: Bytes): Bytes {
  if (algorithm === 'Ed25519') {
    if (bytes.length !== 32) throw new MeshError('ERR_KEY_POINT', 'public key of Ed25519: expected 32 bytes');
    return sequence(sequence(oid(OID.ed25519)), bitString(bytes));
  }
  const curve = algorithm === 'P-256' ? OID.p256 : OID.secp256k1;
  return sequence(sequence(oid(OID.ecPublicKey), oid(curve)), bitString(uncompressPoint(algorithm, bytes)));
}

function isAcceptableRsa(key: Bytes): boolean {
  return readOnly(key, (reader) => {
    const body = reader.sequence();
    const modulus = body.integerBytes();
    const exponent = body.integerBytes();
    body.end();
    const bits = bitsOf(modulus);
    const exponentBits = bitsOf(exponent);
    const isOdd = ((exponent[exponent.length - 1] as number) & 1) === 1;
    return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX && isOdd && exponentBits >= 2 && exponentBits <= 64;
  });
}

/** Bits of a positive INTEGER; 0 for a negative one. */
function bitsOf(integer: Bytes): number {
  if ((integer[0] as number) >= 0x80) return 0;
  let start = 0;
  while (start < integer.length && integer[start] === 0) start += 1;
  return start === integer.length ? 0 : (integer.length - start) * 8 - (Math.clz32(integer[start] as number) - 24);
}
