import { createECDH, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { type Bytes, bytesEqual, concatBytes, fromHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { readOnly } from '../../codec/der-reader.ts';
import { OID } from '../../codec/oid.ts';
import { plainBytes } from '../plain-bytes.ts';

/** Groups in which two keys agree on a secret (SP 800-56A section 5.7.1.2, RFC 7748). */
export type AgreementGroup = WeierstrassCurve | 'X25519';
type WeierstrassCurve = 'P-256' | 'P-384' | 'P-521' | 'secp256k1';

interface Curve {
  readonly openssl: string;
  readonly oid: string;
  readonly coordinateBytes: number;
}

const CURVES: Readonly<Record<WeierstrassCurve, Curve>> = {
  'P-256': { openssl: 'prime256v1', oid: OID.p256, coordinateBytes: 32 },
  'P-384': { openssl: 'secp384r1', oid: OID.p384, coordinateBytes: 48 },
  'P-521': { openssl: 'secp521r1', oid: OID.p521, coordinateBytes: 66 },
  secp256k1: { openssl: 'secp256k1', oid: OID.secp256k1, coordinateBytes: 32 },
};

/** `SEQUENCE { AlgorithmIdentifier X25519, BIT STRING }` up to the key, and PKCS#8 likewise (RFC 8410). */
const X25519_SPKI_PREFIX = fromHex('302a300506032b656e032100');
const X25519_PKCS8_PREFIX = fromHex('302e020100300506032b656e04220420');

/**
 * The shared secret of a private scalar and another's public key: the x coordinate for a curve, 32 octets for X25519.
 * It is no key yet: {@link hkdf} makes one.
 *
 * @param publicKey `0x04 ‖ x ‖ y`, checked to lie on the curve (invalid-curve attacks); 32 octets for X25519.
 * @throws ERR_KEY also where X25519 gives zero, which a public key of small order forces (RFC 7748 section 6.1).
 */
export function agree(group: AgreementGroup, privateKey: Bytes, publicKey: Bytes): Bytes {
  try {
    return group === 'X25519' ? agreeX25519(privateKey, publicKey) : agreeOnCurve(group, privateKey, publicKey);
  } catch (error) {
    throw new MeshError('ERR_KEY', `the two keys agree on no secret in ${group}`, undefined, { cause: error });
  }
}

/**
 * The public key in a SubjectPublicKeyInfo, in the form that {@link agree} takes. Named curves and uncompressed points
 * only (RFC 5480): a curve that comes with its own parameters is whatever its sender wants.
 *
 * @throws ERR_KEY
 */
export function agreementKeyOf(group: AgreementGroup, spki: Bytes): Bytes {
  try {
    return readOnly(spki, (reader) => {
      const body = reader.sequence();
      const identifier = body.sequence();
      const key = body.bitStringOctets();
      body.end();
      const isNamed =
        group === 'X25519'
          ? identifier.oid() === OID.x25519
          : identifier.oid() === OID.ecPublicKey && identifier.oid() === CURVES[group].oid;
      identifier.end();
      if (!isNamed) throw new MeshError('ERR_KEY', 'another algorithm or curve');
      return key;
    });
  } catch (error) {
    throw new MeshError('ERR_KEY', `public key is not a SubjectPublicKeyInfo of ${group}`, undefined, { cause: error });
  }
}

function agreeOnCurve(name: WeierstrassCurve, privateKey: Bytes, publicKey: Bytes): Bytes {
  const { openssl, coordinateBytes } = CURVES[name];
  if (publicKey.length !== 1 + 2 * coordinateBytes || publicKey[0] !== 0x04)
    throw new RangeError('expected an uncompressed point');
  const ecdh = createECDH(openssl);
  ecdh.setPrivateKey(privateKey);
  return plainBytes(ecdh.computeSecret(publicKey));
}

function agreeX25519(privateKey: Bytes, publicKey: Bytes): Bytes {
  if (privateKey.length !== 32 || publicKey.length !== 32) throw new RangeError('expected keys of 32 bytes');
  const own = concatBytes(X25519_PKCS8_PREFIX, privateKey);
  const other = concatBytes(X25519_SPKI_PREFIX, publicKey);
  const secret = diffieHellman({
    privateKey: createPrivateKey({ key: own as Buffer, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: other as Buffer, format: 'der', type: 'spki' }),
  });
  if (secret.every((octet) => octet === 0)) throw new RangeError('the shared secret is zero');
  return plainBytes(secret);
}

/** The scalar in a PKCS#8 key of X25519, the one form without attributes (RFC 8410 section 7). @throws ERR_KEY */
export function agreementScalarOf(pkcs8: Bytes): Bytes {
  const prefix = pkcs8.subarray(0, X25519_PKCS8_PREFIX.length);
  if (pkcs8.length !== X25519_PKCS8_PREFIX.length + 32 || !bytesEqual(prefix, X25519_PKCS8_PREFIX))
    throw new MeshError('ERR_KEY', 'private key is not PKCS#8 of X25519');
  return pkcs8.slice(X25519_PKCS8_PREFIX.length);
}
