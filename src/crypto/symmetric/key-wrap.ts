import { createCipheriv, createDecipheriv } from 'node:crypto';
import { type Bytes, concatBytes, fromHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';

/** AES Key Wrap, for keys of whole blocks of 8 octets (RFC 3394), or with padding, for any (RFC 5649). */
export type KeyWrap = 'kw' | 'kwp';

/** Octets of the longest key that is wrapped: an RSA key of 16,384 bits in PKCS#8. */
export const WRAPPED_BYTES_MAX = 16 * 1024;

const INITIAL: Readonly<Record<KeyWrap, Bytes>> = { kw: fromHex('a6a6a6a6a6a6a6a6'), kwp: fromHex('a65959a6') };

/** @throws ERR_INPUT where the key does not fit the kind, or the wrapping key is no AES key. */
export function wrapKey(kind: KeyWrap, wrappingKey: Bytes, key: Bytes): Bytes {
  const fits = kind === 'kw' ? key.length >= 16 && key.length % 8 === 0 : key.length > 0;
  if (!fits || key.length > WRAPPED_BYTES_MAX) throw new MeshError('ERR_INPUT', `key of ${key.length} bytes to wrap`);
  const cipher = createCipheriv(cipherOf(kind, wrappingKey), wrappingKey, INITIAL[kind]);
  return concatBytes(cipher.update(key), cipher.final());
}

/** @returns `undefined` where these bytes were not wrapped with this key. @throws ERR_INPUT as {@link wrapKey}. */
export function unwrapKey(kind: KeyWrap, wrappingKey: Bytes, wrapped: Bytes): Bytes | undefined {
  const name = cipherOf(kind, wrappingKey);
  const bytesMin = kind === 'kw' ? 24 : 16;
  if (wrapped.length < bytesMin || wrapped.length % 8 !== 0 || wrapped.length > WRAPPED_BYTES_MAX + 16)
    return undefined;
  try {
    const decipher = createDecipheriv(name, wrappingKey, INITIAL[kind]);
    const key = decipher.update(wrapped);
    return concatBytes(key, decipher.final());
  } catch {
    return undefined;
  }
}

function cipherOf(kind: KeyWrap, { length }: Bytes): string {
  if (length !== 16 && length !== 24 && length !== 32)
    throw new MeshError('ERR_INPUT', `wrapping key of ${length} bytes, expected 16, 24 or 32`);
  return `aes-${length * 8}-wrap${kind === 'kwp' ? '-pad' : ''}`;
}
