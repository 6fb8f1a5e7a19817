import { type Bytes, bytesEqual } from '../../../base/bytes.ts';
import { sha256 } from '../../../crypto/hash.ts';
import { KECCAK256_BYTES, keccak256Into } from '../../../crypto/keccak.ts';
import { isLowS } from '../../../crypto/secp256k1/signature.ts';
import {
  POINT_BYTES,
  RECORD_SIGNATURE_BYTES,
  type RecoveryBatch,
  SALT_BYTES,
  type SigningBatch,
} from '../../../ports/batch-signer.ts';
import { SALT_TEXT_BYTES, writeSaltText } from '../../../signer/salt.ts';
import type { Curve } from '../../secp256k1/curve.ts';

/** One signature in so many is recovered again before the batch may be stored: see docs/adr/0014. */
export const CHECK_EVERY = 128;

const KEY_BYTES = 32;

/** A key of the ring in a worker. */
export interface RingKey {
  readonly publicKey: Bytes;
  /** Writes r || s (64) with the low s; @returns v, 0 to 3. */
  sign(digest: Bytes, out: Bytes): number;
  /** @throws Error where the key is no longer what it was when it was handed over. */
  check(): void;
}

/** @throws Error where one of the keys is none. */
export function loadKeys(curve: Curve, packed: Bytes): readonly RingKey[] {
  return Array.from({ length: packed.length / KEY_BYTES }, (_, i) => {
    const key = packed.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES);
    const publicKey = curve.publicKey(key);
    if (publicKey === undefined) throw new Error('keys: not a private key of secp256k1');
    const keyHash = sha256(key);
    return {
      publicKey,
      sign: (digest, out) => curve.sign(digest, key, out),
      check: () => {
        // A key that changed in memory would sign with another key and, bit by bit, tell what it was.
        if (!bytesEqual(sha256(key), keyHash)) throw new Error('a private key was damaged in memory');
      },
    };
  });
}

/**
 * Signs a batch, one record after the other. Digest and signature go through two arrays that are there once: an array of
 * its own for each call costs about as much as its hash.
 *
 * @throws Error where the result may be wrong.
 */
export function signOnCurve(curve: Curve, keys: readonly RingKey[], batch: SigningBatch): Bytes {
  const { messages, offsets, salts, keyIndexes } = batch;
  const signatures = new Uint8Array(keyIndexes.length * RECORD_SIGNATURE_BYTES);
  const used = new Set<RingKey>();
  const digest = new Uint8Array(KECCAK256_BYTES);
  const signature = new Uint8Array(RECORD_SIGNATURE_BYTES - 1);
  let buffer = new Uint8Array(1_024);
  let preimage = buffer;
  for (let i = 0; i < keyIndexes.length; i++) {
    const key = keys[keyIndexes[i] as number];
    if (key === undefined) throw new RangeError('keyIndexes: no such key in the ring');
    used.add(key);
    const message = messages.subarray(offsets[i], offsets[i + 1]);
    const length = SALT_TEXT_BYTES + message.length;
    if (buffer.length < length) buffer = new Uint8Array(length);
    if (preimage.buffer !== buffer.buffer || preimage.length !== length) preimage = buffer.subarray(0, length);
    writeSaltText(salts, i * SALT_BYTES, preimage);
    preimage.set(message, SALT_TEXT_BYTES);
    keccak256Into(digest, preimage);
    const v = key.sign(digest, signature);
    if (v !== 0 && v !== 1) throw new Error('a nonce overflowed the group order; sign again with a fresh salt');
    signatures.set(signature, i * RECORD_SIGNATURE_BYTES);
    signatures[i * RECORD_SIGNATURE_BYTES + 64] = v;
    if (i % CHECK_EVERY === 0) checkSignature(curve, key, digest, signature, v);
  }
  for (const key of used) key.check();
  return signatures;
}

/** Public keys by record, zeros where there is none; see `SignatureChecker`. */
export function recoverBatch(curve: Curve, batch: RecoveryBatch): Bytes {
  const { preimages, offsets, signatures } = batch;
  const count = offsets.length - 1;
  const points = new Uint8Array(count * POINT_BYTES);
  const digest = new Uint8Array(KECCAK256_BYTES);
  for (let i = 0; i < count; i++) {
    const signature = signatures.subarray(i * RECORD_SIGNATURE_BYTES, (i + 1) * RECORD_SIGNATURE_BYTES);
    const v = signature[64];
    if ((v !== 0 && v !== 1) || !isLowS(signature)) continue;
    keccak256Into(digest, preimages.subarray(offsets[i], offsets[i + 1]));
    const point = curve.recover(digest, signature.subarray(0, 64), v);
    if (point !== undefined) points.set(point, i * POINT_BYTES);
  }
  return points;
}

function checkSignature(curve: Curve, { publicKey }: RingKey, digest: Bytes, signature: Bytes, v: 0 | 1): void {
  const point = curve.recover(digest, signature, v);
  if (point === undefined || !bytesEqual(point, publicKey))
    throw new Error('a fresh signature does not verify: this processor or library computes wrongly');
}
