import { constants, verify } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';
import { oid, sequence } from '../../codec/der-writer.ts';
import { OID } from '../../codec/oid.ts';
import type { MessageAlgorithm } from '../keys/public-key.ts';
import { signatureSchemeOf } from './signature-scheme.ts';
import { keyAlgorithmOf } from '../keys/spki.ts';

/**
 * Checks one signature of a certificate, CRL or certification request. A pure function of its four arguments, so
 * callers may remember answers, keyed on all of them.
 */
export type CheckX509Signature = (algorithmIdentifier: Bytes, spki: Bytes, signed: Bytes, signature: Bytes) => boolean;

/** The AlgorithmIdentifier that certificates signed with this algorithm carry, DER. */
export function x509AlgorithmIdentifier(algorithm: MessageAlgorithm): Bytes {
  return algorithm === 'ES256' ? ES256_IDENTIFIER : ED25519_IDENTIFIER;
}

const ES256_IDENTIFIER = sequence(oid(OID.ecdsaWithSha256));
const ED25519_IDENTIFIER = sequence(oid(OID.ed25519));

/**
 * ECDSA with P-256, P-384 or P-521 and SHA-2, Ed25519, RSA PKCS#1 v1.5 and RSA-PSS with SHA-2.
 *
 * @returns false for a wrong signature and for everything this program does not trust: SHA-1, MD5, RSA below 2,048
 *   bits, unknown algorithms, an algorithm that does not fit the key, malformed keys.
 */
export const checkX509Signature: CheckX509Signature = (algorithmIdentifier, spki, signed, signature) => {
  try {
    const scheme = signatureSchemeOf(algorithmIdentifier);
    if (scheme === undefined || !scheme.keys.includes(keyAlgorithmOf(spki))) return false;
    // Most keys are met once, so none is kept: an object for it would cost more than to read it.
    const key = { key: spki as Buffer, format: 'der', type: 'spki' } as const;
    if (scheme.saltBytes === undefined) return verify(scheme.digest, signed, key, signature);
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    return verify(scheme.digest, signed, { ...key, padding, saltLength: scheme.saltBytes }, signature);
  } catch {
    // Malformed identifiers and keys, points off their curve, RSA-PSS keys that are restricted to other parameters.
    return false;
  }
};
