import { type Bytes, concatBytes, utf8 } from '../../base/bytes.ts';
import { pointOfScalar } from '../../crypto/curve/curve-point.ts';
import { ed25519PublicKeyOfSeed } from '../../crypto/keys/signer.ts';

/** Curves of key trees: BIP-32 for the first, SLIP-10 for the others. */
export const TREE_CURVES = ['secp256k1', 'P-256', 'Ed25519'] as const;
export type TreeCurve = (typeof TREE_CURVES)[number];

/** Key of the HMAC that makes the master key (SLIP-10, «Master key generation»). */
export const MASTER_SALT: Readonly<Record<TreeCurve, Bytes>> = {
  secp256k1: utf8('Bitcoin seed'),
  'P-256': utf8('Nist256p1 seed'),
  Ed25519: utf8('ed25519 seed'),
};

/** The public key of a private one: a compressed point, or the 32 bytes of Ed25519. @throws ERR_KEY_RANGE */
export function publicKeyOf(curve: TreeCurve, privateKey: Bytes): Bytes {
  return curve === 'Ed25519' ? ed25519PublicKeyOfSeed(privateKey) : pointOfScalar(curve, privateKey);
}

/** `serP`: 33 bytes of every curve, with 00 before a key of Ed25519 (SLIP-10, «Public key serialization»). */
export function serializePublicKey(curve: TreeCurve, publicKey: Bytes): Bytes {
  return curve === 'Ed25519' ? concatBytes(Uint8Array.of(0), publicKey) : publicKey;
}
