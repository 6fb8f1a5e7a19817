import { createPublicKey, type KeyObject, verify as cryptoVerify } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { p256RawToDer } from '../curve/ecdsa-signature.ts';
import { isLowS } from '../secp256k1/signature.ts';
import { type KeyAlgorithm, keyAlgorithmOf, spkiOfRaw } from './spki.ts';

/** Signature algorithms of messages, statements and mesh certificates, by their COSE names. ES256K: delegates only. */
export type MessageAlgorithm = 'ES256' | 'Ed25519' | 'ES256K';

/** Octets of either signature: `r ‖ s`, or `R ‖ S`. */
export const SIGNATURE_BYTES = 64;

/** The signature algorithm that a key of this kind speaks; `undefined` where messages know none. */
export function messageAlgorithmOf(algorithm: KeyAlgorithm): MessageAlgorithm | undefined {
  if (algorithm === 'P-256') return 'ES256';
  if (algorithm === 'secp256k1') return 'ES256K';
  return algorithm === 'Ed25519' ? 'Ed25519' : undefined;
}

/** A public key that has been checked once: a known kind, one encoding, its point on the curve. */
export class PublicKey {
  readonly algorithm: KeyAlgorithm;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Bytes;
  readonly #key: KeyObject;

  private constructor(algorithm: KeyAlgorithm, spki: Bytes, key: KeyObject) {
    this.algorithm = algorithm;
    this.spki = spki;
    this.#key = key;
  }

  /** @throws ERR_KEY for a malformed, unsupported or weak key, and for a point off its curve. */
  static fromSpki(spki: Bytes): PublicKey {
    const algorithm = keyAlgorithmOf(spki);
    try {
      return new PublicKey(
        algorithm,
        new Uint8Array(spki),
        createPublicKey({ key: spki as Buffer, format: 'der', type: 'spki' }),
      );
    } catch (error) {
      throw new MeshError('ERR_KEY', `public key is not a valid ${algorithm} key`, undefined, { cause: error });
    }
  }

  /**
   * A key as key trees and delegate statements have it: a compressed point, or the 32 bytes of Ed25519.
   * @throws ERR_KEY_POINT for what is no point of the curve; ERR_KEY for 32 bytes that are no key of Ed25519.
   */
  static fromRaw(algorithm: 'P-256' | 'Ed25519' | 'secp256k1', bytes: Bytes): PublicKey {
    const spki = spkiOfRaw(algorithm, bytes);
    if (algorithm !== 'secp256k1') return PublicKey.fromSpki(spki);
    return new PublicKey(algorithm, spki, createPublicKey({ key: spki as Buffer, format: 'der', type: 'spki' }));
  }

  /**
   * @param signature 64 bytes: `r ‖ s` for ES256, either half of s (T11: X.509, TLS and openssl make both, and nothing
   *   is keyed on a signature), or RFC 8032 for Ed25519. ES256K: the low half of s only, as everything of ours.
   * @returns false for a signature of another length, and where the algorithm does not belong to the key.
   */
  verify(algorithm: MessageAlgorithm, data: Bytes, signature: Bytes): boolean {
    if (!this.#fits(algorithm, signature)) return false;
    return cryptoVerify(digestOf(algorithm), data, this.#key, signatureOf(algorithm, signature));
  }

  /** As {@link verify}, off the event loop. Never rejects. */
  verifyAsync(algorithm: MessageAlgorithm, data: Bytes, signature: Bytes): Promise<boolean> {
    if (!this.#fits(algorithm, signature)) return Promise.resolve(false);
    return new Promise((resolve) => {
      cryptoVerify(digestOf(algorithm), data, this.#key, signatureOf(algorithm, signature), (error, isValid) =>
        resolve(error === null && isValid),
      );
    });
  }

  #fits(algorithm: MessageAlgorithm, signature: Bytes): boolean {
    if (signature.length !== SIGNATURE_BYTES || messageAlgorithmOf(this.algorithm) !== algorithm) return false;
    return algorithm !== 'ES256K' || isLowS(signature);
  }
}

function digestOf(algorithm: MessageAlgorithm): 'sha256' | null {
  return algorithm === 'Ed25519' ? null : 'sha256';
}

/** In the form that OpenSSL reads. */
function signatureOf(algorithm: MessageAlgorithm, signature: Bytes): Bytes {
  return algorithm === 'Ed25519' ? signature : p256RawToDer(signature);
}
