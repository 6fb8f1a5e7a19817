import type { Bytes } from '../base/bytes.ts';
import { bitString, sequence } from '../codec/der-writer.ts';
import { ecdsaRawToDer } from '../crypto/ecdsa-signature.ts';
import type { Signer } from '../crypto/signer.ts';
import { x509AlgorithmIdentifier } from '../crypto/x509-signature.ts';

/** The BIT STRING of a signature over `signed`, in the form that X.509 has for the signer's algorithm. */
async function signatureBitString(signer: Signer, signed: Bytes): Promise<Bytes> {
  const raw = await signer.sign(signed);
  return bitString(signer.algorithm === 'ES256' ? ecdsaRawToDer(raw) : raw);
}

/** `SEQUENCE { signed, algorithm, signature }`: the shell of certificates, CRLs and requests alike. */
export async function signStructure(signer: Signer, signed: Bytes): Promise<Bytes> {
  return sequence(signed, x509AlgorithmIdentifier(signer.algorithm), await signatureBitString(signer, signed));
}
