import { createCipheriv, createDecipheriv } from 'node:crypto';
import { type Bytes, concatBytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';

/** Ciphers that authenticate what they hide (RFC 5116, RFC 8439). */
export type AeadName = 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';

/** Octets of a key. */
const KEY_BYTES: Readonly<Record<AeadName, number>> = {
  'aes-128-gcm': 16,
  'aes-192-gcm': 24,
  'aes-256-gcm': 32,
  'chacha20-poly1305': 32,
};

/** Octets of the tag: the whole of it, always. A short tag is forged in so many tries. */
const AEAD_TAG_BYTES = 16;

/** Octets of the nonce that protocols use (RFC 5116 section 5.1). AES-GCM hashes one of any other length. */
const NONCE_BYTES = 12;

/** Longest nonce that OpenSSL hashes for AES-GCM. */
export const GCM_NONCE_BYTES_MAX = 128;

/** @returns ciphertext ‖ tag. @throws ERR_INPUT for a key or nonce of another length than the cipher's. */
export function sealAead(name: AeadName, key: Bytes, nonce: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
  checkSizes(name, key, nonce);
  const cipher = createCipheriv(name as 'aes-128-gcm', key, nonce, { authTagLength: AEAD_TAG_BYTES });
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  return concatBytes(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

/**
 * @param sealed ciphertext ‖ tag.
 * @returns the plaintext; `undefined` where tag, key, nonce or associated data are not those it was sealed with.
 * @throws ERR_INPUT for a key or nonce of another length than the cipher's.
 */
export function openAead(name: AeadName, key: Bytes, nonce: Bytes, aad: Bytes, sealed: Bytes): Bytes | undefined {
  checkSizes(name, key, nonce);
  const end = sealed.length - AEAD_TAG_BYTES;
  if (end < 0) return undefined;
  const decipher = createDecipheriv(name as 'aes-128-gcm', key, nonce, { authTagLength: AEAD_TAG_BYTES });
  decipher.setAAD(aad, { plaintextLength: end });
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
    return new Uint8Array(plaintext);
  } catch {
    return undefined;
  } finally {
    plaintext.fill(0);
  }
}

function checkSizes(name: AeadName, key: Bytes, nonce: Bytes): void {
  const isNonce =
    name === 'chacha20-poly1305'
      ? nonce.length === NONCE_BYTES
      : nonce.length > 0 && nonce.length <= GCM_NONCE_BYTES_MAX;
  if (key.length !== KEY_BYTES[name] || !isNonce)
    throw new MeshError('ERR_INPUT', `${name}: key of ${key.length} and nonce of ${nonce.length} bytes do not fit`);
}
