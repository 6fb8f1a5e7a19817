import { constants, createPublicKey, type KeyObject, verify as cryptoVerify } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { p256RawToDer } from './ecdsa-signature.ts';
import { signatureSchemeOf } from './signature-scheme.ts';
import { type KeyAlgorithm, keyAlgorithmOf } from './spki.ts';

/** Signature algorithms of messages, statements and mesh certificates, by their COSE names. */
export type MessageAlgorithm = 'ES256' | 'Ed25519';

/** Octets of either signature: `r ‖ s`, or `R ‖ S`. */
export const SIGNATURE_BYTES = 64;

/** The signature algorithm that a key of this kind speaks; `undefined` where messages know none. */
export function messageAlgorithmOf(algorithm: KeyAlgorithm): MessageAlgorithm | undefined {
  if (algorithm === 'P-256') return 'ES256';
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
   * @param signature 64 bytes: `r ‖ s` for ES256, either half of s (T11: X.509, TLS and openssl make both, and nothing
   *   is keyed on a signature), or RFC 8032 for Ed25519.
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

  /**
   * A signature in the form of X.509: the scheme that an AlgorithmIdentifier names, ECDSA as DER.
   *
   * @returns false also for a scheme that is weak, unknown or malformed, or does not belong to the key.
   */
  verifyX509(algorithmIdentifier: Bytes, data: Bytes, signature: Bytes): boolean {
    try {
      const scheme = signatureSchemeOf(algorithmIdentifier);
      if (scheme === undefined || !scheme.keys.includes(this.algorithm)) return false;
      if (scheme.saltBytes === undefined) return cryptoVerify(scheme.digest, data, this.#key, signature);
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      return cryptoVerify(scheme.digest, data, { key: this.#key, padding, saltLength: scheme.saltBytes }, signature);
    } catch {
      // Malformed identifiers, and OpenSSL where an RSA-PSS key is restricted to other parameters.
      return false;
    }
  }

  #fits(algorithm: MessageAlgorithm, signature: Bytes): boolean {
    return signature.length === SIGNATURE_BYTES && messageAlgorithmOf(this.algorithm) === algorithm;
  }
}

function digestOf(algorithm: MessageAlgorithm): 'sha256' | null {
  return algorithm === 'ES256' ? 'sha256' : null;
}

/** In the form that OpenSSL reads. */
function signatureOf(algorithm: MessageAlgorithm, signature: Bytes): Bytes {
  return algorithm === 'ES256' ? p256RawToDer(signature) : signature;
}
