import { type Bytes, concatBytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { addScalarToPoint } from '../../crypto/curve/curve-point.ts';
import { hmac } from '../../crypto/symmetric/mac.ts';
import { addScalars, isBelowOrder, isPrivateScalar } from '../../crypto/curve/scalar.ts';
import type { AddScalarToPoint } from '../../ports/point-adder.ts';
import { DERIVATION_STEPS_MAX, type DerivationPath, HARDENED } from './derivation-path.ts';
import { ExtendedPrivateKey, ExtendedPublicKey, MASTER_PLACE, type TreePlace } from './extended-key.ts';
import { MASTER_SALT, serializePublicKey, type TreeCurve } from './tree-curve.ts';

/** BIP-32 asks for 128 to 512 bits. */
export const SEED_BYTES_MIN = 16;
/** As {@link SEED_BYTES_MIN}. */
export const SEED_BYTES_MAX = 64;

/**
 * The master key of a seed. Where the first half of the HMAC is no key, secp256k1 refuses the seed (BIP-32) and P-256
 * hashes again (SLIP-10).
 *
 * @throws ERR_KEY_SEED
 */
export function masterKeyOf(curve: TreeCurve, seed: Bytes): ExtendedPrivateKey {
  if (seed.length < SEED_BYTES_MIN || seed.length > SEED_BYTES_MAX)
    throw new MeshError(
      'ERR_KEY_SEED',
      `seed of ${seed.length} bytes, expected ${SEED_BYTES_MIN} to ${SEED_BYTES_MAX}`,
    );
  let digest = hmac('sha512', MASTER_SALT[curve], seed);
  while (curve !== 'Ed25519' && !isPrivateScalar(curve, digest.subarray(0, 32))) {
    if (curve === 'secp256k1') throw new MeshError('ERR_KEY_SEED', 'seed makes no master key: take another');
    digest = wiping(digest, () => hmac('sha512', MASTER_SALT[curve], digest));
  }
  return wiping(digest, () => ExtendedPrivateKey.of(curve, MASTER_PLACE, digest.slice(32), digest.subarray(0, 32)));
}

/**
 * A child's private key (BIP-32 `CKDpriv`, SLIP-10 for the other curves). The parent stays as it is; both are the
 * caller's to dispose of.
 *
 * @throws ERR_KEY_CURVE: Ed25519 has hardened children only. ERR_KEY_INDEX: secp256k1 has no key at this index, which
 *   happens once in 2^127. ERR_KEY_DEPTH.
 */
export function ckdPriv(parent: ExtendedPrivateKey, index: number): ExtendedPrivateKey {
  const { curve, chainCode, publicKey } = parent.public;
  const place = placeOfChild(parent.public, index);
  const isHardened = index >= HARDENED;
  if (curve === 'Ed25519' && !isHardened) throw notOfEd25519(index);
  return parent.privateKey.use((key) => {
    let data = isHardened ? concatBytes(Uint8Array.of(0), key, u32(index)) : childData(curve, publicKey, index);
    for (;;) {
      const digest = wiping(data, () => hmac('sha512', chainCode, data));
      const right = digest.slice(32);
      const child = wiping(digest, () => childOf(curve, key, digest.subarray(0, 32), right, place));
      if (child !== undefined) return child;
      if (curve === 'secp256k1') throw noSuchIndex(index);
      data = retryData(right, index);
    }
  });
}

/** @returns `undefined` where the left half of the digest makes no key. Ed25519 takes any. */
function childOf(
  curve: TreeCurve,
  parent: Bytes,
  left: Bytes,
  chainCode: Bytes,
  place: TreePlace,
): ExtendedPrivateKey | undefined {
  if (curve === 'Ed25519') return ExtendedPrivateKey.of(curve, place, chainCode, left);
  if (!isBelowOrder(curve, left)) return undefined;
  const sum = addScalars(curve, left, parent);
  return wiping(sum, () =>
    isPrivateScalar(curve, sum) ? ExtendedPrivateKey.of(curve, place, chainCode, sum) : undefined,
  );
}

/**
 * A child's public key from its parent's (BIP-32 `CKDpub`).
 *
 * @param add the fastest that the machine has; see `ports/point-adder.ts`.
 * @throws ERR_KEY_HARDENED; ERR_KEY_CURVE for Ed25519; ERR_KEY_INDEX and ERR_KEY_DEPTH as {@link ckdPriv}.
 */
export function ckdPub(
  parent: ExtendedPublicKey,
  index: number,
  add: AddScalarToPoint = addScalarToPoint,
): ExtendedPublicKey {
  const { curve, chainCode, publicKey } = parent;
  if (curve === 'Ed25519') throw notOfEd25519(index);
  if (index >= HARDENED)
    throw new MeshError('ERR_KEY_HARDENED', `child ${index - HARDENED}' is hardened: it needs the private key`);
  const place = placeOfChild(parent, index);
  let data = childData(curve, publicKey, index);
  for (;;) {
    const digest = hmac('sha512', chainCode, data);
    const point = add(curve, parent.point, digest.subarray(0, 32));
    if (point !== undefined) return new ExtendedPublicKey(curve, place, digest.subarray(32), point);
    if (curve === 'secp256k1') throw noSuchIndex(index);
    data = retryData(digest.subarray(32), index);
  }
}

/** The key at the end of a path; those on the way are disposed of, `key` is not. @throws as {@link ckdPriv} */
export function derivePrivate(key: ExtendedPrivateKey, path: DerivationPath): ExtendedPrivateKey {
  let at = ExtendedPrivateKey.of(
    key.public.curve,
    key.public.place,
    key.public.chainCode,
    key.privateKey.use((k) => k),
  );
  for (const index of path) {
    using parent = at;
    at = ckdPriv(parent, index);
  }
  return at;
}

/** The public key at the end of a path. @throws as {@link ckdPub} */
export function derivePublic(key: ExtendedPublicKey, path: DerivationPath, add?: AddScalarToPoint): ExtendedPublicKey {
  return path.reduce((parent, index) => ckdPub(parent, index, add), key);
}

function placeOfChild(parent: ExtendedPublicKey, index: number): TreePlace {
  const depth = parent.place.depth + 1;
  if (depth > DERIVATION_STEPS_MAX)
    throw new MeshError('ERR_KEY_DEPTH', `a key at depth ${DERIVATION_STEPS_MAX} has no children`);
  return { depth, parentFingerprint: parent.fingerprint, index };
}

function childData(curve: TreeCurve, publicKey: Bytes, index: number): Bytes {
  return concatBytes(serializePublicKey(curve, publicKey), u32(index));
}

/** SLIP-10, «Private parent key → private child key», step for an invalid key: `01 ‖ IR ‖ i`. */
function retryData(right: Bytes, index: number): Bytes {
  return concatBytes(Uint8Array.of(1), right, u32(index));
}

function u32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** What `make` gives; its material is gone when this returns, whatever happens. */
function wiping<T>(material: Bytes, make: () => T): T {
  try {
    return make();
  } finally {
    material.fill(0, 0, material.length);
  }
}

function notOfEd25519(index: number): MeshError {
  return new MeshError('ERR_KEY_CURVE', `child ${index} is not hardened: Ed25519 has hardened children only`);
}

function noSuchIndex(index: number): MeshError {
  return new MeshError('ERR_KEY_INDEX', `index ${index} has no key`);
}
