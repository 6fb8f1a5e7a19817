import type { Bytes } from '../../base/bytes.ts';
import { bitString, sequence } from '../../codec/der-writer.ts';
import { p256RawToDer } from '../../crypto/ecdsa-signature.ts';
import type { Signer } from '../../crypto/signer.ts';
import { x509AlgorithmIdentifier } from '../../crypto/x509-signature.ts';

/** `SEQUENCE { signed, algorithm, signature }`: the shell of certificates, CRLs and requests alike. */
export async function signStructure(signer: Signer, signed: Bytes): Promise<Bytes> {
  const raw = await signer.sign(signed);
  const signature = bitString(signer.algorithm === 'ES256' ? p256RawToDer(raw) : raw);
  return sequence(signed, x509AlgorithmIdentifier(signer.algorithm), signature);
}
