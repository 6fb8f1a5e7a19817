import type { Bytes } from '../../base/bytes.ts';
import type { DerReader } from '../../codec/der-reader.ts';
import { TAG } from '../../codec/der-tag.ts';
import { inner, sequence } from '../../codec/der-writer.ts';
import { p256RawToDer } from '../../crypto/curve/ecdsa-signature.ts';
import type { MessageAlgorithm } from '../../crypto/keys/public-key.ts';
import type { Signer } from '../../crypto/keys/signer.ts';
import { x509AlgorithmIdentifier } from '../../crypto/signatures/x509-signature.ts';

/** First octet of a BIT STRING of whole octets. */
const NO_UNUSED_BITS = Uint8Array.of(0);

/**
 * `SEQUENCE { signed, algorithm, signature }`: the shell of certificates, CRLs and requests alike.
 * @param raw the signature as a {@link Signer} gives it.
 */
export function signedStructure(signed: Bytes, algorithm: MessageAlgorithm, raw: Bytes): Bytes {
  const signature = algorithm === 'ES256' ? p256RawToDer(raw) : raw;
  return sequence(signed, x509AlgorithmIdentifier(algorithm), inner(TAG.bitString, NO_UNUSED_BITS, signature));
}

export async function signStructure(signer: Signer, signed: Bytes): Promise<Bytes> {
  return signedStructure(signed, signer.algorithm, await signer.sign(signed));
}

/** What {@link signedStructure} makes, taken apart. */
export interface SignedStructure {
  /** What is signed, whole. */
  readonly signed: Bytes;
  /** The same, to be read on. */
  readonly body: DerReader;
  readonly signatureAlgorithm: Bytes;
  readonly signature: Bytes;
}

/** @throws ERR_DER */
export function readSignedStructure(reader: DerReader): SignedStructure {
  const outer = reader.sequence();
  const signed = outer.peekRaw();
  const body = outer.sequence();
  const signatureAlgorithm = readAlgorithm(outer);
  const signature = outer.bitStringOctets();
  outer.end();
  return { signed, body, signatureAlgorithm, signature };
}

/** An AlgorithmIdentifier whole; its shape is checked where the signature is. */
export function readAlgorithm(reader: DerReader): Bytes {
  const whole = reader.peekRaw();
  reader.sequence();
  return whole;
}
