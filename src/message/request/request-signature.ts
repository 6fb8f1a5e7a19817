import { type Bytes, fromHex, toHex, utf8 } from '../../base/bytes.ts';
import { isMeshError } from '../../base/errors.ts';
import { ecdsaDerToRaw, p256RawToDer } from '../../crypto/curve/ecdsa-signature.ts';
import { secretsEqual } from '../../crypto/hash.ts';
import { hmac } from '../../crypto/symmetric/mac.ts';
import type { PublicKey } from '../../crypto/keys/public-key.ts';
import type { Signer } from '../../crypto/keys/signer.ts';
import type { CredentialScope } from './credential-scope.ts';
import { sigV4Key } from './signing-key.ts';

/** What makes signatures of requests and of the pieces behind them. */
export type RequestSigner =
  | { readonly algorithm: 'sigv4'; readonly accessKeyId: string; readonly secretAccessKey: string }
  /** @see sigV4aSigner for the one of an access key; any key of P-256 signs. */
  | { readonly algorithm: 'sigv4a'; readonly accessKeyId: string; readonly signer: Signer };

/** What checks them. That of SigV4A can sign nothing. */
export type VerifyingKey =
  | { readonly algorithm: 'sigv4'; readonly secretAccessKey: string }
  | { readonly algorithm: 'sigv4a'; readonly publicKey: PublicKey };

/** @returns lower-case hex: an HMAC, or ECDSA in DER (RFC 3279), randomised and with either half of s. */
export async function signText(signer: RequestSigner, scope: CredentialScope, text: string): Promise<string> {
  const data = utf8(text);
  if (signer.algorithm === 'sigv4') return toHex(mac(signer.secretAccessKey, scope, data));
  return toHex(p256RawToDer(await signer.signer.sign(data)));
}

/**
 * Compares HMACs in constant time; of ECDSA takes both halves of s, as AWS does, and the one DER form of each pair only.
 * @param signature lower-case hex digits.
 */
export function verifyText(key: VerifyingKey, scope: CredentialScope, text: string, signature: string): boolean {
  if (signature.length % 2 !== 0) return false;
  const data = utf8(text);
  if (key.algorithm === 'sigv4') return secretsEqual(mac(key.secretAccessKey, scope, data), fromHex(signature));
  const raw = rawOf(fromHex(signature));
  return raw !== undefined && key.publicKey.verify('ES256', data, raw);
}

function mac(secretAccessKey: string, { date, region = '', service }: CredentialScope, data: Bytes): Bytes {
  using key = sigV4Key(secretAccessKey, date, region, service);
  return key.use((bytes) => hmac('sha256', bytes, data));
}

/** `undefined` for what is no DER of a pair of numbers of the curve. */
function rawOf(der: Bytes): Bytes | undefined {
  try {
    return ecdsaDerToRaw(der);
  } catch (error) {
    if (isMeshError(error)) return undefined;
    throw error;
  }
}
